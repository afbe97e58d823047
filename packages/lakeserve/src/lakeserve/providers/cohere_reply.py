"""From Cohere's whole replies to the caller's. Pure.

Source: Cohere's API reference, "Chat API (v2)", response.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from lakeserve.core.errors import WireError
from lakeserve.providers import chat_reply
from lakeserve.providers.base import Asked, external_error
from lakeserve.providers.json_values import count, json_text, mapping, objects, reply_object, string

PROVIDER = "cohere"

_FINISHES = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
# Reasons that are failures, and the status that stands for each.
_FAILURES = {"ERROR": 500, "TIMEOUT": 504}


def finish_reason(given: object) -> str:
    """OpenAI's word for the reason; reasons that come to be known later count as ``stop``."""
    return _FINISHES.get(string(given), "stop")


def failure(reason: object, value: Mapping[str, Any]) -> WireError | None:
    """The error that a finish reason stands for, if it stands for one."""
    status = _FAILURES.get(string(reason))
    return (
        None
        if status is None
        else external_error(PROVIDER, status, json_text(value, PROVIDER).encode(), {})
    )


def usage(given: Mapping[str, Any], asked: Asked, generated: int) -> dict[str, Any]:
    """Usage in OpenAI's words.

    Args:
        given: Cohere's; what was processed comes before what was billed.
        asked: Its length is what the prompt is estimated by when Cohere counts nothing.
        generated: Characters of the answer.
    """
    tokens = mapping(given.get("tokens")) or mapping(given.get("billed_units"))
    if not tokens:
        said = len(orjson.dumps(asked.body.get("messages") or asked.body.get("prompt")))
        return chat_reply.usage_of(
            chat_reply.estimated_tokens(said), chat_reply.estimated_tokens(generated)
        )
    more: dict[str, Any] = {}
    if given.get("cached_tokens") is not None:
        more["prompt_tokens_details"] = {"cached_tokens": count(given["cached_tokens"])}
    prompt = count(tokens.get("input_tokens"))
    return chat_reply.usage_of(prompt, count(tokens.get("output_tokens")), **more)


def call_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """A call in Cohere's words, which are OpenAI's."""
    function = mapping(value.get("function"))
    return chat_reply.tool_call(
        string(value.get("id")), string(function.get("name")), string(function.get("arguments"))
    )


def chat_completion(asked: Asked, body: bytes) -> bytes:
    """A caller's answer from a chat. Cohere does not name the model.

    Raises:
        WireError: The reply is no JSON object, or says that it failed.
    """
    value = _sound(body)
    message = mapping(value.get("message"))
    text = _text(message)
    thoughts = [
        chat_reply.reasoning(string(part.get("thinking")))
        for part in objects(message.get("content"))
        if part.get("type") == "thinking"
    ]
    calls = [call_of(call) for call in objects(message.get("tool_calls"))]
    for call in calls:
        call["function"]["arguments"] = call["function"]["arguments"] or "{}"
    answer: dict[str, Any] = {"content": chat_reply.content_of(thoughts, text)}
    if calls:
        answer["tool_calls"] = calls
    return chat_reply.completion(
        chat_reply.origin(string(value.get("id")), asked.target.upstream_model),
        answer,
        finish_reason(value.get("finish_reason")),
        usage(mapping(value.get("usage")), asked, len(text)),
    )


def text_completion(asked: Asked, body: bytes) -> bytes:
    """A caller's answer to a completion from a chat.

    Raises:
        WireError: The reply is no JSON object, or says that it failed.
    """
    value = _sound(body)
    text = _text(mapping(value.get("message")))
    return chat_reply.text_completion(
        chat_reply.origin(string(value.get("id")), asked.target.upstream_model),
        text,
        finish_reason(value.get("finish_reason")),
        usage(mapping(value.get("usage")), asked, len(text)),
    )


def _sound(body: bytes) -> dict[str, Any]:
    value = reply_object(body, PROVIDER)
    failed = failure(value.get("finish_reason"), value)
    if failed is not None:
        raise failed
    return value


def _text(message: Mapping[str, Any]) -> str:
    """The plan before calls of tools, if there is one, and the parts of text."""
    texts = (
        string(part.get("text"))
        for part in objects(message.get("content"))
        if part.get("type") == "text"
    )
    return string(message.get("tool_plan")) + "".join(texts)
