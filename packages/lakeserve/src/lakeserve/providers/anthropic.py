"""Anthropic's models, by their own protocol.

Source: Anthropic's API reference, "Create a Message" and "Create a Text Completion (legacy)";
"Versions" for the header.
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import BadRequest
from lakeserve.providers.anthropic_complete import (
    CompletionReader,
    complete_request,
    is_legacy,
    legacy_completion,
    text_as_messages_request,
)
from lakeserve.providers.anthropic_reply import chat_completion, text_completion
from lakeserve.providers.anthropic_request import messages_request
from lakeserve.providers.anthropic_stream import MessageReader
from lakeserve.providers.base import (
    Asked,
    EventTranslator,
    Framing,
    Operation,
    UpstreamRequest,
    encode,
    with_fields,
)
from lakeserve.providers.event_values import EventValues
from lakeserve.providers.external import ExternalProvider
from lakeserve.providers.named_events import MESSAGES_END, NamedEvents

VERSION = "2023-06-01"


class AnthropicProvider(ExternalProvider):
    """Chat by ``/messages``; completions, too, but by ``/complete`` for the models that have it.

    There are no embeddings. The option ``anthropic_version`` takes the place of ``VERSION``.
    """

    name = "anthropic"

    def speaks(self, target: Target, operation: Operation) -> bool:
        """Anthropic invented the messages."""
        return operation == "messages"

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        if operation == "embeddings":
            raise BadRequest(f"Provider {self.name!r} has no {operation}.")
        model = target.upstream_model
        path = "/messages"
        if operation == "messages":
            return UpstreamRequest(path, _headers(target), with_fields(body, raw, {"model": model}))
        if operation == "chat":
            request = messages_request(model, body)
        elif is_legacy(model):
            path, request = "/complete", complete_request(model, body)
        else:
            request = text_as_messages_request(model, body)
        return UpstreamRequest(path, _headers(target), encode(request))

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """See ``Provider.reply``."""
        if asked.operation == "messages":
            return body
        if asked.operation == "chat":
            return chat_completion(asked, body)
        if is_legacy(asked.target.upstream_model):
            return legacy_completion(asked, body)
        return text_completion(asked, body)

    def events(self, asked: Asked) -> EventTranslator | None:
        """See ``Provider.events``."""
        if asked.operation == "messages":
            return None
        if asked.operation != "chat" and is_legacy(asked.target.upstream_model):
            return EventValues(self.name, CompletionReader(asked))
        return EventValues(self.name, MessageReader(asked))

    def framing(self, asked: Asked) -> Framing | None:
        """Callers of the messages get the names of events as well."""
        return NamedEvents(MESSAGES_END) if asked.operation == "messages" else None


def _headers(target: Target) -> tuple[tuple[str, str], ...]:
    version = ("anthropic-version", target.options.get("anthropic_version", VERSION))
    return (version,) if target.credential is None else (("x-api-key", target.credential), version)
