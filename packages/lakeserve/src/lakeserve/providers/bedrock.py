"""Models on Amazon Bedrock: chat by Converse, all else by InvokeModel.

Source: Amazon Bedrock's API reference, "Converse", "ConverseStream", "InvokeModel" and
"InvokeModelWithResponseStream".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import BadUpstream, WireError
from lakeserve.providers import bedrock_embed
from lakeserve.providers.aws_events import AwsEvents
from lakeserve.providers.base import (
    Asked,
    EventTranslator,
    Framing,
    Operation,
    UpstreamRequest,
    encode,
)
from lakeserve.providers.bedrock_parts import PROVIDER
from lakeserve.providers.bedrock_reply import ConverseReader, chat_completion
from lakeserve.providers.bedrock_request import converse_request
from lakeserve.providers.bedrock_text import TextEvents, schema_of, text_completion, text_request
from lakeserve.providers.chained_events import ChainedEvents
from lakeserve.providers.event_values import EventValues
from lakeserve.providers.external import ExternalProvider
from lakeserve.providers.text_over_chat import TextReader, chat_body, text_reply

# The model failed at the caller's request; the documents call that the caller's fault.
MODEL_FAILED = 424


class BedrockProvider(ExternalProvider):
    """The option ``bedrock_provider`` says whose model it is; requests are signed elsewhere.

    A completion is a chat of one message, but for the models that complete bare prompts.
    """

    name = PROVIDER

    def most_texts(self, target: Target) -> int | None:
        """See ``FewTexts``."""
        return bedrock_embed.MOST_TEXTS.get(_vendor(target))

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        method, request = _asked(target, operation, body)
        path = f"/model/{quote(target.upstream_model, safe='')}/{method}"
        return UpstreamRequest(path, (), encode(request))

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """See ``Provider.reply``."""
        if asked.operation == "embeddings":
            return bedrock_embed.embeddings(_vendor(asked.target), asked, body)
        if asked.operation == "chat":
            return chat_completion(asked, body)
        schema = schema_of(asked.target.upstream_model)
        if schema is not None:
            return text_completion(schema, asked, body)
        return text_reply(chat_completion(asked, body), self.name)

    def events(self, asked: Asked) -> EventTranslator | None:
        """See ``Provider.events``."""
        if asked.operation == "chat":
            return EventValues(self.name, ConverseReader(asked))
        schema = schema_of(asked.target.upstream_model)
        if schema is not None:
            return EventValues(self.name, TextEvents(schema, asked))
        chunks = EventValues(self.name, ConverseReader(asked))
        return ChainedEvents(self.name, chunks, TextReader())

    def framing(self, asked: Asked) -> Framing | None:
        """AWS's own; see ``Provider.framing``."""
        return AwsEvents()

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> WireError:
        """See ``ExternalProvider.error``."""
        error = super().error(status, body, headers)
        return BadUpstream(error.message) if status == MODEL_FAILED else error


def _asked(
    target: Target, operation: Operation, body: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    """The method and the body of a request."""
    vendor = _vendor(target)
    if operation == "embeddings":
        return "invoke", bedrock_embed.embed_request(vendor, body)
    is_stream = body.get("stream") is True
    if operation == "completions":
        schema = schema_of(target.upstream_model)
        if schema is not None:
            method = "invoke-with-response-stream" if is_stream else "invoke"
            return method, text_request(schema, body)
        body = chat_body(body, PROVIDER)
    return ("converse-stream" if is_stream else "converse"), converse_request(vendor, body)


def _vendor(target: Target) -> str:
    return target.options.get("bedrock_provider", "")
