"""Models on Google's Vertex AI: Gemini, Claude, and those of partners.

Source: Vertex AI's reference, "generateContent", "streamGenerateContent" and "Text embeddings API";
"Request predictions with Claude models"; "Call MaaS APIs for open models" for the others.
"""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from lakeserve.core.endpoints import Target
from lakeserve.providers import anthropic_reply, gemini_reply, vertex_embed
from lakeserve.providers.anthropic_request import messages_request
from lakeserve.providers.anthropic_stream import MessageReader
from lakeserve.providers.base import (
    Asked,
    EventTranslator,
    Framing,
    Operation,
    UpstreamRequest,
    encode,
)
from lakeserve.providers.chained_events import ChainedEvents
from lakeserve.providers.event_values import EventValues
from lakeserve.providers.external import ExternalProvider
from lakeserve.providers.gemini_parts import PROVIDER
from lakeserve.providers.gemini_request import generate_request
from lakeserve.providers.named_events import MESSAGES_END, NamedEvents
from lakeserve.providers.openai import usage_fields
from lakeserve.providers.text_over_chat import TextReader, chat_body, text_reply

Family = Literal["gemini", "claude", "partner"]

CLAUDE_VERSION = "vertex-2023-10-16"


def family(model: str) -> Family:
    """Whose words a model is asked in; partners' models are named ``publisher/model``."""
    if "/" in model:
        return "partner"
    return "claude" if model.startswith("claude") else "gemini"


class VertexProvider(ExternalProvider):
    """The address ends with the location, ``/v1/projects/{p}/locations/{r}``.

    A completion is a chat of one message: no model there has an interface for bare prompts.
    """

    name = PROVIDER

    def speaks(self, target: Target, operation: Operation) -> bool:
        """Google invented Gemini's; Claude has Anthropic's there, too."""
        native = {"gemini": "generate", "claude": "messages", "partner": ""}
        return operation == native[family(target.upstream_model)]

    def most_texts(self, target: Target) -> int | None:
        """See ``FewTexts``."""
        return vertex_embed.most_texts(target.upstream_model)

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``; the access token is not a matter of the translation."""
        model = target.upstream_model
        if operation == "embeddings":
            path = f"/publishers/google/models/{quote(model, safe='')}:predict"
            return UpstreamRequest(path, (), encode(vertex_embed.predict_request(body)))
        if operation == "generate":
            method = _gemini_method(body)
            content = {name: value for name, value in body.items() if name != "stream"}
            path = f"/publishers/google/models/{quote(model, safe='')}:{method}"
            return UpstreamRequest(path, (), encode(content))
        if operation == "messages":
            content = {name: value for name, value in body.items() if name != "model"}
            request = {"anthropic_version": CLAUDE_VERSION, **content}
            return UpstreamRequest(_claude_path(model, body), (), encode(request))
        if operation == "completions":
            body = chat_body(body, self.name)
        path, request = _CHATS[family(model)](model, body)
        return UpstreamRequest(path, (), encode(request))

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """See ``Provider.reply``."""
        if asked.operation in ("generate", "messages"):
            return body
        if asked.operation == "embeddings":
            return vertex_embed.embeddings(asked, body)
        chat = _REPLIES[family(asked.target.upstream_model)](_as_chat(asked), body)
        return text_reply(chat, self.name) if asked.operation == "completions" else chat

    def events(self, asked: Asked) -> EventTranslator | None:
        """See ``Provider.events``."""
        if asked.operation in ("generate", "messages"):
            return None
        chunks = self._chunks(_as_chat(asked))
        if asked.operation != "completions":
            return chunks
        return ChainedEvents(self.name, chunks, TextReader())

    def framing(self, asked: Asked) -> Framing | None:
        """Callers in the vendors' own words get the events as they are."""
        if asked.operation == "messages":
            return NamedEvents(MESSAGES_END)
        return NamedEvents() if asked.operation == "generate" else None

    def _chunks(self, asked: Asked) -> EventTranslator | None:
        kind = family(asked.target.upstream_model)
        if kind == "partner":
            return None
        reader = MessageReader(asked, self.name) if kind == "claude" else None
        return EventValues(self.name, reader or gemini_reply.GenerationReader(asked))


def _as_chat(asked: Asked) -> Asked:
    return asked._replace(operation="chat")


def _gemini(model: str, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    path = f"/publishers/google/models/{quote(model, safe='')}:{_gemini_method(body)}"
    return path, generate_request(body)


def _gemini_method(body: Mapping[str, Any]) -> str:
    return "streamGenerateContent?alt=sse" if body.get("stream") is True else "generateContent"


def _claude(model: str, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Anthropic's request without the model, which the path names."""
    request = messages_request(model, body)
    del request["model"]
    return _claude_path(model, body), {"anthropic_version": CLAUDE_VERSION, **request}


def _claude_path(model: str, body: Mapping[str, Any]) -> str:
    method = "streamRawPredict" if body.get("stream") is True else "rawPredict"
    return f"/publishers/anthropic/models/{quote(model, safe='@')}:{method}"


def _partner(model: str, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """OpenAI's request, which these models take as it is."""
    return "/endpoints/openapi/chat/completions", {**body, "model": model, **usage_fields(body)}


def _same(asked: Asked, body: bytes) -> bytes:
    return body


_CHATS = {"gemini": _gemini, "claude": _claude, "partner": _partner}
_REPLIES = {
    "gemini": gemini_reply.chat_completion,
    "claude": anthropic_reply.chat_completion,
    "partner": _same,
}
