"""AI21's completions by its Jurassic models, by their own protocol.

Source: AI21 Studio's API reference, "Jurassic-2 Complete API"; AI21 has retired these models, but
the documented endpoints name them.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_reply
from lakeserve.providers import chat_request as chat
from lakeserve.providers.base import (
    Asked,
    Operation,
    UpstreamRequest,
    encode,
)
from lakeserve.providers.external import ExternalProvider
from lakeserve.providers.json_values import mapping, objects, reply_object, string
from lakeserve.providers.openai import bearer
from lakeserve.providers.text_request import SELDOM_KNOWN, refuse, single_prompt

PROVIDER = "ai21labs"

REFUSED = (*SELDOM_KNOWN, "top_k", "user")

# AI21's names.
NAMES: Mapping[str, str] = {"n": "numResults", "temperature": "temperature", "top_p": "topP"}

TRANSLATED = frozenset(
    {
        *NAMES,
        *REFUSED,
        "max_completion_tokens",
        "max_tokens",
        "model",
        "prompt",
        "stop",
        "stream",
        "stream_options",
    }
)


class Ai21Provider(ExternalProvider):
    """Completions. There are no streams of them."""

    name = PROVIDER

    def build(
        self, target: Target, operation: Operation, body: Mapping[str, Any], raw: bytes | None
    ) -> UpstreamRequest:
        """See ``Provider.build``."""
        if operation != "completions":
            raise BadRequest(f"Provider {self.name!r} has no {operation}.")
        if body.get("stream") is True:
            raise BadRequest(f"Parameter 'stream' is not supported by provider {self.name!r}.")
        path = f"/{quote(target.upstream_model, safe='')}/complete"
        headers = () if target.credential is None else (bearer(target.credential),)
        return UpstreamRequest(path, headers, encode(complete_request(body)))

    def reply(self, asked: Asked, body: bytes) -> bytes:
        """See ``Provider.reply``."""
        return text_completion(asked, body)


def complete_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """AI21's request for what a caller asks; fields of AI21's pass as they are.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    refuse(body, REFUSED, PROVIDER)
    request = {
        name: value for name, value in body.items() if value is not None and name not in TRANSLATED
    }
    request["prompt"] = single_prompt(body)
    for name, theirs in NAMES.items():
        if body.get(name) is not None:
            request[theirs] = body[name]
    limit = chat.token_limit(body)
    if limit is not None:
        request["maxTokens"] = limit
    if stop := chat.stops(body):
        request["stopSequences"] = stop
    return request


def text_completion(asked: Asked, body: bytes) -> bytes:
    """A caller's answer from AI21's.

    Raises:
        BadUpstream: The reply is no JSON object.
    """
    value = reply_object(body, PROVIDER)
    found = objects(value.get("completions"))
    data = [mapping(one.get("data")) for one in found]
    reasons = [mapping(one.get("finishReason")).get("reason") for one in found]
    texts = [
        (string(one.get("text")), "length" if reason == "length" else "stop")
        for one, reason in zip(data, reasons, strict=True)
    ]
    prompt = _tokens(mapping(value.get("prompt")), len(single_prompt(asked.body)))
    generated = sum(_tokens(one, len(string(one.get("text")))) for one in data)
    source = chat_reply.origin(str(value.get("id") or ""), asked.target.upstream_model)
    return chat_reply.text_completion_of(source, texts, chat_reply.usage_of(prompt, generated))


def _tokens(part: Mapping[str, Any], length: int) -> int:
    """As many as AI21 lists, or else an estimate."""
    listed = part.get("tokens")
    return len(listed) if isinstance(listed, list) else chat_reply.estimated_tokens(length)
