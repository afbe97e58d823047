"""From the events of Anthropic's messages to the caller's chunks.

Source: Anthropic's API reference, "Streaming Messages", and "Errors" for the types of errors.
"""

from typing import Any

from lakeserve.core.errors import WireError
from lakeserve.providers import chat_reply
from lakeserve.providers.anthropic_reply import finish_reason, model_of, thought, usage
from lakeserve.providers.base import Asked, external_error
from lakeserve.providers.json_values import count, json_text, mapping, string

PROVIDER = "anthropic"

# The status that an error has when it is not in the middle of a stream.
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def stream_error(event: dict[str, Any], provider: str = PROVIDER) -> WireError:
    """The caller's form of an ``error`` event."""
    status = _STATUSES.get(string(mapping(event.get("error")).get("type")), 500)
    return external_error(provider, status, json_text(event, provider).encode(), {})


class MessageReader:
    """Reads one stream of a message; an ``EventReader``. A completion gets its text only."""

    def __init__(self, asked: Asked, provider: str = PROVIDER) -> None:
        self.done = False
        self._provider = provider
        self._asked = asked
        self._is_chat = asked.operation == "chat"
        self._origin = chat_reply.origin("", asked.target.upstream_model)
        self._usage: dict[str, Any] = {}
        self._call = -1  # the index of the newest call
        self._block = ""  # the type of the open block
        self._has_arguments = False

    def read(self, event: dict[str, Any]) -> bytes:
        """See ``EventReader.read``; types that come to be known later are passed over."""
        kind = string(event.get("type"))
        if kind == "message_start":
            return self._start(mapping(event.get("message")))
        if kind == "content_block_start":
            return self._open(mapping(event.get("content_block")))
        if kind == "content_block_delta":
            return self._more(mapping(event.get("delta")))
        if kind == "content_block_stop":
            return self._close()
        if kind == "message_delta":
            return self._finish(event)
        if kind == "message_stop":
            self.done = True
            kind = "chat.completion.chunk" if self._is_chat else "text_completion"
            return chat_reply.usage_chunk(kind, self._origin, usage(self._usage))
        if kind == "error":
            raise stream_error(event, self._provider)
        return b""

    def _start(self, message: dict[str, Any]) -> bytes:
        model = model_of(self._asked, message)
        self._origin = chat_reply.origin(string(message.get("id")), model)
        self._count(message.get("usage"))
        return self._chunk({"role": "assistant", "content": ""})

    def _open(self, block: dict[str, Any]) -> bytes:
        self._block = string(block.get("type"))
        if self._block == "tool_use":
            return self._open_call(block)
        if self._block == "redacted_thinking":
            return self._chunk({"content": [thought(block)]})
        if self._block == "thinking" and block.get("thinking"):
            return self._chunk({"content": [thought(block)]})
        if self._block == "text":
            return self._text(string(block.get("text")))
        return b""

    def _open_call(self, block: dict[str, Any]) -> bytes:
        self._call += 1
        given = mapping(block.get("input"))
        self._has_arguments = bool(given)
        arguments = json_text(given, PROVIDER) if given else ""
        call = chat_reply.tool_call(string(block.get("id")), string(block.get("name")), arguments)
        return self._chunk({"tool_calls": [{"index": self._call, **call}]})

    def _more(self, delta: dict[str, Any]) -> bytes:
        kind = string(delta.get("type"))
        if kind == "text_delta":
            return self._text(string(delta.get("text")))
        if kind == "input_json_delta" and self._block == "tool_use":
            return self._arguments(string(delta.get("partial_json")))
        if kind in {"thinking_delta", "signature_delta"}:
            return self._chunk({"content": [thought(delta)]})
        return b""

    def _close(self) -> bytes:
        """The end of a block; a call without arguments gets those that clients can parse."""
        is_bare_call = self._block == "tool_use" and not self._has_arguments
        self._block = ""
        if not is_bare_call:
            return b""
        return self._arguments("{}")

    def _finish(self, event: dict[str, Any]) -> bytes:
        self._count(event.get("usage"))
        reason = mapping(event.get("delta")).get("stop_reason")
        return b"" if reason is None else self._chunk({}, finish_reason(reason))

    def _count(self, given: object) -> None:
        """Take over counts; they are totals, and a later event may repeat or raise them."""
        for name, value in mapping(given).items():
            if value is not None:
                self._usage[name] = max(count(value), count(self._usage.get(name)))

    def _text(self, text: str) -> bytes:
        return self._chunk({"content": text}) if text else b""

    def _arguments(self, text: str) -> bytes:
        if not text:
            return b""
        self._has_arguments = True
        call = {"index": self._call, "function": {"arguments": text}}
        return self._chunk({"tool_calls": [call]})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        if self._is_chat:
            return chat_reply.chunk(self._origin, delta, finish)
        text = string(delta.get("content"))
        return chat_reply.text_chunk(self._origin, text, finish) if text or finish else b""
