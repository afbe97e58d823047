"""One choice of a chat answer, from engine events to deltas to a message. Pure."""

from collections.abc import Iterable
from typing import Any

from lakeserve.workers.serve.events import Event, TokenLogprob
from lakeserve.workers.serve.tools import ForcedCallReader, ToolUse, call_id

Chunk = dict[str, Any]


class ChatChoice:
    """Turns the events of one generation into ``choices`` entries of stream chunks."""

    def __init__(self, index: int, use: ToolUse, top_logprobs: int | None) -> None:
        self._index = index
        self._use = use
        self._top_logprobs = top_logprobs
        self._forced = ForcedCallReader() if use.forced else None
        self._begun = False
        self._calls: set[int] = set()
        # Log probabilities of tokens whose text is still held back.
        self._logprobs: list[TokenLogprob] = []

    def feed(self, event: Event) -> list[Chunk]:
        """The chunks that an event completes; the first one of all carries the role."""
        if event.prompt_tokens is not None:
            return []
        self._logprobs += event.logprobs
        deltas = self._deltas(event)
        chunks: list[Chunk] = []
        if not self._begun and (deltas or event.finish_reason):
            self._begun = True
            content = None if deltas and "tool_calls" in deltas[0] else ""
            chunks.append(self._chunk({"role": "assistant", "content": content}, logprobs=False))
        chunks += [self._chunk(delta) for delta in deltas]
        if event.finish_reason:
            chunks.append(self._chunk({}, self._finish(event.finish_reason)))
        return chunks

    def _deltas(self, event: Event) -> list[dict[str, Any]]:
        deltas: list[dict[str, Any]] = []
        if event.reasoning:
            deltas.append({"reasoning_content": event.reasoning})
        calls: Iterable[dict[str, Any]] = event.tool_calls
        if self._forced is not None:
            calls = [*calls, *(self._forced.feed(event.text) if event.text else [])]
        elif event.text:
            deltas.append({"content": event.text})
        for call in calls:
            kept = self._call(call)
            if kept is not None:
                deltas.append({"tool_calls": [kept]})
        return deltas

    def _call(self, call: dict[str, Any]) -> dict[str, Any] | None:
        """A tool call delta with an id of the documented form, or None to drop it."""
        index = call.get("index", 0)
        if index > 0 and not self._use.parallel:
            return None
        if index in self._calls:
            return {"index": index, "function": call["function"]}
        self._calls.add(index)
        function = {"name": "", "arguments": "", **call["function"]}
        return {"index": index, "id": call_id(), "type": "function", "function": function}

    def _finish(self, reason: str) -> str:
        return "tool_calls" if self._calls and reason == "stop" else reason

    def _chunk(
        self, delta: dict[str, Any], finish: str | None = None, *, logprobs: bool = True
    ) -> Chunk:
        content = None
        if logprobs and self._top_logprobs is not None and self._logprobs:
            content = {
                "content": [token_logprob(entry, self._top_logprobs) for entry in self._logprobs],
                "refusal": None,
            }
            self._logprobs = []
        return {"index": self._index, "delta": delta, "logprobs": content, "finish_reason": finish}


def token_logprob(entry: TokenLogprob, top: int) -> dict[str, Any]:
    """One entry of ``logprobs.content`` with ``top`` alternatives."""
    return {
        "token": entry.token,
        "logprob": entry.logprob,
        "bytes": entry.bytes,
        "top_logprobs": [
            {"token": other.token, "logprob": other.logprob, "bytes": other.bytes}
            for other in entry.top[:top]
        ],
    }


class ChoiceRecord:
    """Gathers the chunks of one choice into an entry of ``choices``."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._logprobs: list[dict[str, Any]] = []
        self._wants_logprobs = False
        self._finish: str | None = None

    def add(self, chunk: Chunk) -> None:
        """Take one chunk."""
        delta = chunk["delta"]
        self._content.append(delta.get("content") or "")
        self._reasoning.append(delta.get("reasoning_content") or "")
        for call in delta.get("tool_calls", ()):
            self._add_call(call)
        if chunk["logprobs"] is not None:
            self._wants_logprobs = True
            self._logprobs += chunk["logprobs"]["content"]
        self._finish = chunk["finish_reason"] or self._finish

    def _add_call(self, call: dict[str, Any]) -> None:
        known = self._calls.get(call["index"])
        if known is None:
            self._calls[call["index"]] = {
                "id": call["id"],
                "type": "function",
                "function": dict(call["function"]),
            }
        else:
            known["function"]["arguments"] += call["function"].get("arguments", "")

    def choice(self) -> dict[str, Any]:
        """The finished entry."""
        content = "".join(self._content)
        reasoning = "".join(self._reasoning)
        message: dict[str, Any] = {"role": "assistant", "content": content}
        if reasoning:
            message["reasoning_content"] = reasoning
        if self._calls:
            message["content"] = content if content.strip() else None
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        return {
            "index": self._index,
            "message": message,
            "logprobs": {"content": self._logprobs, "refusal": None}
            if self._wants_logprobs
            else None,
            "finish_reason": self._finish or "stop",
        }
