"""Cohere's models, by version 2 of their protocol.

Source: Cohere's API reference, "Chat API (v2)" and "Embed API (v2)".
"""

from collections.abc import Callable, Mapping
from typing import Any

from lakeserve.core.endpoints import Target
from lakeserve.providers.base import (
    Asked,
    EventTranslator,
    Operation,
    UpstreamRequest,
    encode,
)
from lakeserve.providers.cohere_embed import MOST_TEXTS, embed_request, embeddings
from lakeserve.providers.cohere_reply import chat_completion, text_completion
from lakeserve.providers.cohere_request import chat_request, text_as_chat_request
from lakeserve.providers.cohere_stream import ChatReader
from lakeserve.providers.event_values import EventValues
from lakeserve.providers.external import ExternalProvider
from lakeserve.providers.openai import bearer

# Paths after an address without a version.
_REQUESTS: Mapping[Operation, tuple[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]]] = {
    "chat": ("/v2/chat", chat_request),
    "completions": ("/v2/chat", text_as_chat_request),
    "embeddings": ("/v2/embed", embed_request),
}
_REPLIES: Mapping[Operation, Callable[[Asked, bytes], bytes]] = {
    "chat": chat_completion,
    "completions": text_completion,
    "embeddings": embeddings,
}


class CohereProvider(ExternalProvider):
    """Chat and embeddings; a completion is a chat of one message."""

    name = "cohere"

    def most_texts(self, target: Target) -> int | None:
        """See ``FewTexts``."""
        return MOST_TEXTS

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        headers = () if target.credential is None else (bearer(target.credential),)
        path, translate = _REQUESTS[operation]
        return UpstreamRequest(path, headers, encode(translate(target.upstream_model, body)))

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """See ``Provider.reply``."""
        return _REPLIES[asked.operation](asked, body)

    def events(self, asked: Asked) -> EventTranslator | None:
        """See ``Provider.events``."""
        return EventValues(self.name, ChatReader(asked))
