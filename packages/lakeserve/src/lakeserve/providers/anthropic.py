"""Anthropic's models, by their own protocol.

Source: Anthropic's API reference, "Create a Message" and "Create a Text Completion (legacy)";
"Versions" for the header.
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import BadRequest, WireError
from lakeserve.providers.anthropic_complete import (
    CompletionReader,
    complete_request,
    text_completion,
)
from lakeserve.providers.anthropic_reply import chat_completion
from lakeserve.providers.anthropic_request import messages_request
from lakeserve.providers.anthropic_stream import MessageReader
from lakeserve.providers.base import (
    Asked,
    EventTranslator,
    Operation,
    UpstreamRequest,
    encode,
    external_error,
)
from lakeserve.providers.event_values import EventValues

VERSION = "2023-06-01"


class AnthropicProvider:
    """Chat by ``/messages``, completions by ``/complete``; there are no embeddings.

    The option ``anthropic_version`` takes the place of ``VERSION``.
    """

    name = "anthropic"
    restartable = False

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        version = target.options.get("anthropic_version", VERSION)
        headers: tuple[tuple[str, str], ...] = (("anthropic-version", version),)
        if target.credential is not None:
            headers = (("x-api-key", target.credential), *headers)
        if operation == "chat":
            content = encode(messages_request(target.upstream_model, body))
            return UpstreamRequest("/messages", headers, content)
        if operation == "completions":
            content = encode(complete_request(target.upstream_model, body))
            return UpstreamRequest("/complete", headers, content)
        raise BadRequest(f"Provider {self.name!r} has no {operation}.")

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """See ``Provider.reply``."""
        read = chat_completion if asked.operation == "chat" else text_completion
        return read(asked, body)

    def events(self, asked: Asked) -> EventTranslator | None:
        """See ``Provider.events``."""
        reader = MessageReader(asked) if asked.operation == "chat" else CompletionReader(asked)
        return EventValues(self.name, reader)

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> WireError:
        """The vendor's error as JSON text, marked with the provider's name."""
        return external_error(self.name, status, body, headers)
