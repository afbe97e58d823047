"""From Anthropic's whole replies to the caller's. Pure.

Source: Anthropic's API reference, "Create a Message", response; "Stop reasons"; "Prompt caching",
usage.
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.providers import chat_reply
from lakeserve.providers.base import Asked
from lakeserve.providers.json_values import count, json_text, mapping, objects, reply_object, string

PROVIDER = "anthropic"

_FINISHES = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


# A tuple: what a vendor sends as a type need not be hashable.
_THOUGHTS = ("thinking", "redacted_thinking")


def finish_reason(stop_reason: object) -> str:
    """OpenAI's word for the reason; reasons that come to be known later count as ``stop``."""
    return _FINISHES.get(string(stop_reason), "stop")


def usage(given: Mapping[str, Any]) -> dict[str, Any]:
    """Usage in OpenAI's words; tokens read from and written to the cache were prompt too."""
    return chat_reply.usage_beside_cache(
        count(given.get("input_tokens")),
        count(given.get("output_tokens")),
        read=given.get("cache_read_input_tokens"),
        written=given.get("cache_creation_input_tokens"),
    )


def thought(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block of thinking as a part of content; hidden ones carry only what the vendor sealed."""
    if block.get("type") == "redacted_thinking":
        return {"type": "reasoning", "summary": [], "encrypted_content": string(block.get("data"))}
    signature = string(block.get("signature"))
    more = {"signature": signature} if signature else {}
    return chat_reply.reasoning(string(block.get("thinking")), **more)


def chat_completion(asked: Asked, body: bytes) -> bytes:
    """A caller's answer from a message.

    Raises:
        BadUpstream: The reply is no JSON object.
    """
    value = reply_object(body, PROVIDER)
    content = objects(value.get("content"))
    text = _text(content)
    thoughts = [thought(block) for block in content if block.get("type") in _THOUGHTS]
    calls = [
        chat_reply.tool_call(
            string(block.get("id")),
            string(block.get("name")),
            json_text(mapping(block.get("input")), PROVIDER),
        )
        for block in content
        if block.get("type") == "tool_use"
    ]
    message: dict[str, Any] = {"content": chat_reply.content_of(thoughts, text)}
    if calls:
        message["tool_calls"] = calls
    return chat_reply.completion(
        chat_reply.origin(string(value.get("id")), model_of(asked, value)),
        message,
        finish_reason(value.get("stop_reason")),
        usage(mapping(value.get("usage"))),
    )


def text_completion(asked: Asked, body: bytes) -> bytes:
    """A caller's answer to a completion from a message; what was thought is left out.

    Raises:
        BadUpstream: The reply is no JSON object.
    """
    value = reply_object(body, PROVIDER)
    return chat_reply.text_completion(
        chat_reply.origin(string(value.get("id")), model_of(asked, value)),
        _text(objects(value.get("content"))),
        finish_reason(value.get("stop_reason")),
        usage(mapping(value.get("usage"))),
    )


def _text(content: list[dict[str, Any]]) -> str:
    return "".join(string(block.get("text")) for block in content if block.get("type") == "text")


def model_of(asked: Asked, value: Mapping[str, Any]) -> str:
    """The model that a reply names, or else the one that was asked."""
    return string(value.get("model")) or asked.target.upstream_model
