"""Events of a streamed chat reply to generation chunks; pure.

The sum of the chunks is the message that an unstreamed call would have given. Therefore what
holds for the whole reply comes once: the head with the first chunk, usage with the last one,
whether the endpoint sends it with each event, with the last or with an event of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_lakeserve._client import END
from langchain_lakeserve._content import part_from_wire
from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._messages import extras_from_wire, message_from_wire
from langchain_lakeserve._replies import chat_result, documented_counts, reply_metadata
from langchain_lakeserve._usage import merged_usage, usage_metadata
from langchain_lakeserve.errors import EmptyReplyError, StreamInterruptedError


class ChatStreamReader:
    """Reads the events of one reply.

    Of a reply with several choices the first is streamed; the others come whole with the
    last chunk, as ``response_metadata["alternatives"]``, because a LangChain stream is one
    message.
    """

    __slots__ = (
        "_agent_calls",
        "_blocks",
        "_ended",
        "_finish",
        "_head",
        "_index",
        "_kind",
        "_others",
        "_report_usage",
        "_usage",
    )

    def __init__(self, *, report_usage: bool = True) -> None:
        self._report_usage = report_usage
        self._head: JSONObject | None = None
        self._usage: JSONObject | None = None
        self._finish: str | None = None
        self._ended = False
        self._blocks = False  # whether content is a list of blocks from here on
        self._kind: str | None = None
        self._index = -1
        self._others: dict[int, JSONObject] = {}
        self._agent_calls: list[JSONObject] = []  # not yet known whether the agent runs them

    def read(self, event: JSONObject) -> ChatGenerationChunk | None:
        """Translate one event; None if there is nothing to hand on yet."""
        if event is END:
            self._ended = True
            return None
        if usage := event.get("usage"):
            self._usage = merged_usage(self._usage, usage)
        choices = event.get("choices")
        if choices is None:
            return self._read_agent(event)
        if not choices:
            return None
        chunk: ChatGenerationChunk | None = None
        for choice in choices:
            if choice.get("index"):
                self._collect_other(choice)
            else:
                chunk = self._read_choice(event, choice)
        return chunk

    def finish(self) -> ChatGenerationChunk:
        """Return the last chunk.

        Raises:
            EmptyReplyError: The stream held nothing.
            StreamInterruptedError: It ended before the reply was complete.
        """
        if self._head is None:
            if self._ended:
                raise EmptyReplyError("the endpoint's stream held no choice")
            raise StreamInterruptedError("the stream ended before its first event")
        if not self._ended and self._finish is None:
            raise StreamInterruptedError("the stream ended before the reply was complete")
        usage = usage_metadata(self._usage) if self._report_usage else None
        metadata = documented_counts(usage)
        if self._finish:
            metadata["finish_reason"] = self._finish
        if self._others:
            metadata["alternatives"] = [self._others[i] for i in sorted(self._others)]
        message = AIMessageChunk(
            content=[] if self._blocks else "",
            usage_metadata=usage,
            response_metadata=metadata,
            tool_call_chunks=_call_chunks(_numbered(self._agent_calls)),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)

    def _read_choice(self, event: JSONObject, choice: JSONObject) -> ChatGenerationChunk | None:
        if reason := choice.get("finish_reason"):
            self._finish = reason
        delta = choice.get("delta")
        if delta is None:
            delta = choice.get("message") or {}  # a whole reply where a stream was expected
            delta = {**delta, "tool_calls": _numbered(delta.get("tool_calls"))}
        logprobs = choice.get("logprobs")
        first = self._head is None
        chunk = self._delta_chunk(delta, logprobs)
        if first:
            chunk = chunk or ChatGenerationChunk(message=AIMessageChunk(content=""))
            chunk.message.response_metadata = self._take_head(event)
        if outputs := event.get("custom_outputs"):
            chunk = chunk or ChatGenerationChunk(message=AIMessageChunk(content=""))
            chunk.message.additional_kwargs["custom_outputs"] = outputs
        return chunk

    def _delta_chunk(self, delta: JSONObject, logprobs: JSONValue) -> ChatGenerationChunk | None:
        content = delta.get("content")
        calls = delta.get("tool_calls")
        if isinstance(content, str) and content and not self._blocks and len(delta) == 1:
            message = AIMessageChunk(content=content)  # nearly every event is this one
        else:
            extras = extras_from_wire(delta)
            text = self._content(content)
            if not (text or calls or extras or logprobs):
                return None
            message = AIMessageChunk(
                content=text,
                tool_call_chunks=_call_chunks(calls) if calls else [],
                additional_kwargs=extras,
            )
        return ChatGenerationChunk(
            message=message, generation_info={"logprobs": logprobs} if logprobs else None
        )

    def _content(self, content: JSONValue) -> str | list[str | JSONObject]:
        if not content:
            return [] if self._blocks else ""
        if isinstance(content, str):
            if not self._blocks:
                return content
            return [self._placed({"type": "text", "text": content})]
        self._blocks = True
        parts = content if isinstance(content, list) else [content]
        return [
            self._placed(block)
            for part in parts
            for block in (part_from_wire(part) if isinstance(part, dict) else [_text(part)])
        ]

    def _placed(self, block: JSONObject) -> JSONObject:
        """Number the block, so that LangChain adds it to its predecessor of the same kind."""
        kind = block.get("type")
        if kind != self._kind:
            self._kind = kind
            self._index += 1
        return {**block, "index": self._index}

    def _take_head(self, event: JSONObject) -> JSONObject:
        self._head = reply_metadata(event)
        return dict(self._head)

    def _read_agent(self, event: JSONObject) -> ChatGenerationChunk | None:
        """Read an event of an agent: a delta without choices, or its whole reply."""
        if "messages" in event:
            whole = chat_result(event).generations[0].message
            self._finish = "stop"
            self._head = {}
            extras = {
                key: value
                for key, value in whole.response_metadata.items()
                if key != "finish_reason"
            }
            return ChatGenerationChunk(
                message=AIMessageChunk(
                    content=whole.content,
                    tool_calls=getattr(whole, "tool_calls", []),
                    additional_kwargs=whole.additional_kwargs,
                    response_metadata=extras,
                )
            )
        delta = event.get("delta")
        if not isinstance(delta, dict):
            return None
        self._finish = event.get("finish_reason") or "stop"  # agents mark no end
        if delta.get("role") == "tool":
            return self._agent_step(delta)
        if calls := delta.get("tool_calls"):
            self._agent_calls.extend(calls)
            delta = {key: value for key, value in delta.items() if key != "tool_calls"}
        return self._read_choice(event, {"delta": delta})

    def _agent_step(self, result: JSONObject) -> ChatGenerationChunk:
        """Hand on a tool call that the agent has run itself; nobody shall run it again."""
        answered = result.get("tool_call_id")
        calls = [call for call in self._agent_calls if call.get("id") == answered]
        self._agent_calls = [call for call in self._agent_calls if call.get("id") != answered]
        asked = [{"role": "assistant", "content": "", "tool_calls": calls}] if calls else []
        steps = [message_from_wire(wire).model_dump(exclude_none=True) for wire in (*asked, result)]
        message = AIMessageChunk(content="", additional_kwargs={"agent_messages": steps})
        if self._head is None:
            self._head = {}
        return ChatGenerationChunk(message=message)

    def _collect_other(self, choice: JSONObject) -> None:
        index = choice["index"]
        kept = self._others.setdefault(
            index, {"index": index, "message": {"role": "assistant", "content": ""}}
        )
        delta = choice.get("delta") or choice.get("message") or {}
        message = kept["message"]
        if text := delta.get("content"):
            message["content"] += text if isinstance(text, str) else ""
        for call in delta.get("tool_calls") or ():
            _add_call(message.setdefault("tool_calls", []), call)
        if reason := choice.get("finish_reason"):
            kept["finish_reason"] = reason
        if logprobs := choice.get("logprobs"):
            tokens = kept.setdefault("logprobs", {"content": []})["content"]
            tokens.extend(logprobs.get("content") or ())


def _call_chunks(calls: Sequence[JSONObject]) -> list[ToolCallChunk]:
    chunks = []
    for call in calls:
        function = call.get("function") or {}
        chunks.append(
            ToolCallChunk(
                type="tool_call_chunk",
                name=function.get("name"),
                args=function.get("arguments"),
                id=call.get("id"),
                index=call.get("index", 0),
            )
        )
    return chunks


def _add_call(calls: list[JSONObject], delta: JSONObject) -> None:
    index = delta.get("index", 0)
    while len(calls) <= index:
        calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
    call = calls[index]
    if call_id := delta.get("id"):
        call["id"] = call_id
    function = delta.get("function") or {}
    call["function"]["name"] += function.get("name") or ""
    call["function"]["arguments"] += function.get("arguments") or ""


def _numbered(calls: Sequence[JSONObject] | None) -> list[JSONObject]:
    return [{"index": index, **call} for index, call in enumerate(calls or ())]


def _text(part: object) -> JSONObject:
    return {"type": "text", "text": str(part)}
