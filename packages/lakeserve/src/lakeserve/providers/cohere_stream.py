"""From the events of Cohere's chat to the caller's chunks.

Source: Cohere's API reference, "Chat API (v2) with streaming", and the guide "Streaming".
"""

from typing import Any

from lakeserve.providers import chat_reply
from lakeserve.providers.base import Asked
from lakeserve.providers.cohere_reply import call_of, failure, finish_reason, usage
from lakeserve.providers.json_values import mapping, string


class ChatReader:
    """Reads one stream; an ``EventReader``. Completions are chats of one message there."""

    def __init__(self, asked: Asked) -> None:
        self.done = False
        self._asked = asked
        self._is_chat = asked.operation == "chat"
        self._origin = chat_reply.origin("", asked.target.upstream_model)
        self._length = 0
        self._call = -1  # the index of the newest call
        self._has_arguments = True

    def read(self, event: dict[str, Any]) -> bytes:
        """See ``EventReader.read``; types that come to be known later are passed over."""
        kind = string(event.get("type"))
        delta = mapping(event.get("delta"))
        message = mapping(delta.get("message"))
        if kind == "message-start":
            return self._start(event)
        if kind in {"content-start", "content-delta"}:
            return self._content(mapping(message.get("content")))
        if kind == "tool-plan-delta":
            return self._text(string(message.get("tool_plan")))
        if kind == "tool-call-start":
            return self._open_call(mapping(message.get("tool_calls")))
        if kind == "tool-call-delta":
            call = mapping(message.get("tool_calls"))
            return self._arguments(string(mapping(call.get("function")).get("arguments")))
        if kind == "tool-call-end":
            return b"" if self._has_arguments else self._arguments("{}")
        return self._end(event, delta) if kind == "message-end" else b""

    def _start(self, event: dict[str, Any]) -> bytes:
        model = self._asked.target.upstream_model
        self._origin = chat_reply.origin(string(event.get("id")), model)
        if not self._is_chat:
            return b""
        return chat_reply.chunk(self._origin, {"role": "assistant", "content": ""})

    def _content(self, content: dict[str, Any]) -> bytes:
        thought = string(content.get("thinking"))
        if thought and self._is_chat:
            return chat_reply.chunk(self._origin, {"content": [chat_reply.reasoning(thought)]})
        return self._text(string(content.get("text")))

    def _text(self, text: str) -> bytes:
        self._length += len(text)
        if not text:
            return b""
        if not self._is_chat:
            return chat_reply.text_chunk(self._origin, text)
        return chat_reply.chunk(self._origin, {"content": text})

    def _open_call(self, call: dict[str, Any]) -> bytes:
        self._call += 1
        made = call_of(call)
        self._has_arguments = bool(made["function"]["arguments"])
        return chat_reply.chunk(self._origin, {"tool_calls": [{"index": self._call, **made}]})

    def _arguments(self, text: str) -> bytes:
        if not text:
            return b""
        self._has_arguments = True
        call = {"index": self._call, "function": {"arguments": text}}
        return chat_reply.chunk(self._origin, {"tool_calls": [call]})

    def _end(self, event: dict[str, Any], delta: dict[str, Any]) -> bytes:
        failed = failure(delta.get("finish_reason"), event)
        if failed is not None:
            raise failed
        self.done = True
        reason = finish_reason(delta.get("finish_reason"))
        used = usage(mapping(delta.get("usage")), self._asked, self._length)
        if self._is_chat:
            last = chat_reply.chunk(self._origin, {}, reason)
            return last + chat_reply.usage_chunk("chat.completion.chunk", self._origin, used)
        last = chat_reply.text_chunk(self._origin, "", reason)
        return last + chat_reply.usage_chunk("text_completion", self._origin, used)
