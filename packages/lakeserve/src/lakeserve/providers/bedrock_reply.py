"""From the replies of Bedrock's Converse, whole and streamed, to the caller's. Pure.

Source: Amazon Bedrock's API reference, "Converse", "ConverseStream" and "TokenUsage".
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import WireError
from lakeserve.core.ids import object_id
from lakeserve.providers import chat_reply
from lakeserve.providers.base import Asked, external_error
from lakeserve.providers.bedrock_parts import PROVIDER
from lakeserve.providers.json_values import count, json_text, mapping, objects, reply_object, string

_FINISHES = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}

# The status that an exception has when it is not in the middle of a stream.
_STATUSES = {
    "validationException": 400,
    "accessDeniedException": 403,
    "modelTimeoutException": 408,
    "modelStreamErrorException": 424,
    "throttlingException": 429,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
}


def finish_reason(given: object) -> str:
    """OpenAI's word for the reason; reasons that come to be known later count as ``stop``."""
    return _FINISHES.get(string(given), "stop")


def usage(given: Mapping[str, Any]) -> dict[str, Any]:
    """Usage in OpenAI's words; tokens read from and written to the cache were prompt too."""
    return chat_reply.usage_beside_cache(
        count(given.get("inputTokens")),
        count(given.get("outputTokens")),
        read=given.get("cacheReadInputTokens"),
        written=given.get("cacheWriteInputTokens"),
    )


def origin_of(asked: Asked) -> chat_reply.Origin:
    """Where a reply is from; Bedrock's replies have no id."""
    return chat_reply.origin(f"chatcmpl-{object_id()}", asked.target.upstream_model)


def stream_error(kind: str, value: Mapping[str, Any]) -> WireError:
    """The caller's form of an exception in the middle of a stream."""
    body = json_text({"__type": kind, **value}, PROVIDER).encode()
    return external_error(PROVIDER, _STATUSES.get(kind, 500), body, {})


def chat_completion(asked: Asked, body: bytes) -> bytes:
    """A caller's answer from a reply.

    Raises:
        BadUpstream: The reply is no JSON object.
    """
    value = reply_object(body, PROVIDER)
    content = objects(mapping(mapping(value.get("output")).get("message")).get("content"))
    thoughts = [
        thought(mapping(block.get("reasoningContent")))
        for block in content
        if "reasoningContent" in block
    ]
    text = "".join(string(block.get("text")) for block in content)
    message: dict[str, Any] = {"content": chat_reply.content_of(thoughts, text)}
    calls = [mapping(block.get("toolUse")) for block in content if "toolUse" in block]
    if calls:
        message["tool_calls"] = [
            chat_reply.tool_call(
                string(call.get("toolUseId")),
                string(call.get("name")),
                json_text(mapping(call.get("input")), PROVIDER),
            )
            for call in calls
        ]
    reason = finish_reason(value.get("stopReason"))
    used = usage(mapping(value.get("usage")))
    return chat_reply.completion(origin_of(asked), message, reason, used)


def thought(reasoning: Mapping[str, Any]) -> dict[str, Any]:
    """A thought as a part of content; hidden ones carry only what the vendor sealed."""
    if "redactedContent" in reasoning:
        sealed = string(reasoning.get("redactedContent"))
        return {"type": "reasoning", "summary": [], "encrypted_content": sealed}
    told = mapping(reasoning.get("reasoningText")) or reasoning
    signature = string(told.get("signature"))
    more = {"signature": signature} if signature else {}
    return chat_reply.reasoning(string(told.get("text")), **more)


class ConverseReader:
    """Reads one stream; an ``EventReader`` of objects with the event's type as their only key."""

    def __init__(self, asked: Asked) -> None:
        self.done = False
        self._origin = origin_of(asked)
        self._call = -1  # the index of the newest call
        self._is_bare_call = False

    def read(self, event: dict[str, Any]) -> bytes:
        """See ``EventReader.read``; types that come to be known later are passed over."""
        ((kind, given),) = event.items()
        value = mapping(given)
        if kind == "messageStart":
            return self._chunk({"role": "assistant", "content": ""})
        if kind == "contentBlockStart":
            return self._open(mapping(mapping(value.get("start")).get("toolUse")))
        if kind == "contentBlockDelta":
            return self._more(mapping(value.get("delta")))
        if kind == "contentBlockStop":
            return self._close()
        if kind == "messageStop":
            return self._chunk({}, finish_reason(value.get("stopReason")))
        if kind == "metadata":
            self.done = True
            used = usage(mapping(value.get("usage")))
            return chat_reply.usage_chunk("chat.completion.chunk", self._origin, used)
        if kind.endswith("Exception"):
            raise stream_error(kind, value)
        return b""

    def _open(self, use: dict[str, Any]) -> bytes:
        if not use:
            return b""
        self._call += 1
        self._is_bare_call = True
        call = chat_reply.tool_call(string(use.get("toolUseId")), string(use.get("name")), "")
        return self._chunk({"tool_calls": [{"index": self._call, **call}]})

    def _more(self, delta: dict[str, Any]) -> bytes:
        if "toolUse" in delta:
            return self._arguments(string(mapping(delta["toolUse"]).get("input")))
        if "reasoningContent" in delta:
            return self._chunk({"content": [thought(mapping(delta["reasoningContent"]))]})
        text = string(delta.get("text"))
        return self._chunk({"content": text}) if text else b""

    def _close(self) -> bytes:
        """The end of a block; a call without arguments gets those that clients can parse."""
        return self._arguments("{}") if self._is_bare_call else b""

    def _arguments(self, text: str) -> bytes:
        if not text:
            return b""
        self._is_bare_call = False
        call = {"index": self._call, "function": {"arguments": text}}
        return self._chunk({"tool_calls": [call]})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        return chat_reply.chunk(self._origin, delta, finish)
