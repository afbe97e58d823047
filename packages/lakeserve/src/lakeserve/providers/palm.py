"""Google's PaLM, which Google has shut down: for proxies that still speak its protocol.

Source: "PaLM API reference" of Google AI, "generateMessage", "generateText" and "batchEmbedText".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import BadRequest
from lakeserve.core.ids import object_id
from lakeserve.providers import chat_reply, vectors
from lakeserve.providers import chat_request as chat
from lakeserve.providers.base import (
    Asked,
    Operation,
    UpstreamRequest,
    encode,
)
from lakeserve.providers.external import ExternalProvider
from lakeserve.providers.json_values import objects, reply_object, string
from lakeserve.providers.text_request import SELDOM_KNOWN, refuse, single_prompt

PROVIDER = "palm"

METHODS: Mapping[Operation, str] = {
    "chat": "generateMessage",
    "completions": "generateText",
    "embeddings": "batchEmbedText",
}

# How many texts one request for embeddings may hold.
MOST_TEXTS = 100

NAMES: Mapping[str, str] = {
    "n": "candidateCount",
    "temperature": "temperature",
    "top_k": "topK",
    "top_p": "topP",
}

# What the reference passes to no model of PaLM.
REFUSED = (
    *SELDOM_KNOWN,
    "function_call",
    "functions",
    "reasoning_effort",
    "response_format",
    "stream",
    "tools",
    "top_logprobs",
    "user",
)

# Chats have neither a limit nor words that end them.
REFUSED_IN_CHATS = (*REFUSED, "max_completion_tokens", "max_tokens", "stop")


class PalmProvider(ExternalProvider):
    """Chat, completions and embeddings; there are no streams."""

    name = PROVIDER

    def most_texts(self, target: Target) -> int | None:
        """See ``FewTexts``."""
        return MOST_TEXTS

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        model = quote(target.upstream_model, safe="")
        path = f"/v1beta3/models/{model}:{METHODS[operation]}"
        key = target.credential
        headers = () if key is None else (("x-goog-api-key", key),)
        return UpstreamRequest(path, headers, encode(_REQUESTS[operation](body)))

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """See ``Provider.reply``."""
        value = reply_object(body, self.name)
        found = objects(value.get("candidates"))
        if asked.operation == "embeddings":
            given = [each.get("value") for each in objects(value.get("embeddings"))]
            return vectors.embeddings(asked, given, None, self.name)
        source = chat_reply.origin(f"palm-{object_id()}", asked.target.upstream_model)
        if asked.operation == "completions":
            texts = [(string(each.get("output")), "stop") for each in found]
            return chat_reply.text_completion_of(source, texts, _usage(asked, texts))
        texts = [(string(each.get("content")), "stop") for each in found]
        choices = [
            chat_reply.choice(index, {"content": text}, reason)
            for index, (text, reason) in enumerate(texts)
        ]
        return chat_reply.completion_of(source, choices, _usage(asked, texts))


def message_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """PaLM's request for a chat: the system's words are its context.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    asked = {name: value for name, value in body.items() if not (name == "stream" and not value)}
    chat.refuse(asked, REFUSED_IN_CHATS, PROVIDER)
    context: list[str] = []
    said: list[dict[str, str]] = []
    for message in chat.messages(body):
        text = _text(message)
        if message.role in {"system", "developer"}:
            context.append(text)
        else:
            said.append({"author": "1" if message.role == "assistant" else "0", "content": text})
    prompt: dict[str, Any] = {"messages": said}
    if context:
        prompt["context"] = "\n".join(context)
    return {"prompt": prompt, **_named(body)}


def text_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """PaLM's request for a completion.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    asked = {name: value for name, value in body.items() if not (name == "stream" and not value)}
    refuse(asked, REFUSED, PROVIDER)
    request = {"prompt": {"text": single_prompt(body)}, **_named(body)}
    limit = chat.token_limit(body)
    if limit is not None:
        request["maxOutputTokens"] = limit
    if stop := chat.stops(body):
        request["stopSequences"] = stop
    return request


def embed_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """PaLM's request for embeddings.

    Raises:
        BadRequest: The input is no text, or a field has no counterpart.
    """
    vectors.check(body, PROVIDER)
    if body.get("dimensions") is not None:
        raise BadRequest(f"Parameter 'dimensions' is not supported by provider {PROVIDER!r}.")
    return {"texts": vectors.texts(body, PROVIDER)}


_REQUESTS = {"chat": message_request, "completions": text_request, "embeddings": embed_request}


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    return {theirs: body[name] for name, theirs in NAMES.items() if body.get(name) is not None}


def _text(message: chat.Message) -> str:
    if message.role == "tool" or message.value.get("tool_calls"):
        raise BadRequest(f"Field '{message.where}': provider {PROVIDER!r} has no tools.")
    found = chat.parts(message)
    for part in found:
        if part.type != "text":
            raise chat.unsupported(part, message.role, PROVIDER)
    return "".join(chat.text(part) for part in found)


def _usage(asked: Asked, texts: list[tuple[str, str]]) -> dict[str, Any]:
    """Estimated, for PaLM counts nothing."""
    body = asked.body
    said = [body["prompt"]] if asked.operation == "completions" else map(_text, chat.messages(body))
    prompt = sum(len(str(text)) for text in said)
    generated = sum(len(text) for text, _ in texts)
    return chat_reply.usage_of(
        chat_reply.estimated_tokens(prompt), chat_reply.estimated_tokens(generated)
    )
