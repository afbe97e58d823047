"""Events of a streamed response (Responses API) to generation chunks; pure."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_lakeserve._client import END
from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._replies import documented_counts, reply_metadata
from langchain_lakeserve._response_replies import finish_reason, raise_failure, response_result
from langchain_lakeserve._responses import (
    annotation_block,
    blocks_of_item,
    reasoning_identity,
    refusal_of,
)
from langchain_lakeserve._stop import StopCutter, cut_at_stop
from langchain_lakeserve._usage import usage_metadata
from langchain_lakeserve.errors import EmptyReplyError, StreamedAPIError, StreamInterruptedError


class ResponseStreamReader:
    """Reads the events of one response; each text, call and thought is handed out once.

    Some endpoints send deltas and then the whole item, some only one of them.
    """

    def __init__(self, *, report_usage: bool = True, stop: Sequence[str] = ()) -> None:
        self._report_usage = report_usage
        self._stop = StopCutter(stop) if stop else None
        self._head: JSONObject | None = None
        self._reply: JSONObject = {}
        self._usage: JSONObject | None = None
        self._complete = False
        self._indexes: dict[tuple[JSONValue, ...], int] = {}
        self._streamed: set[tuple[str, JSONValue]] = set()
        self._calls = False
        self._whole_calls: list[JSONObject] = []
        self._any = False

    def read(self, event: JSONObject) -> ChatGenerationChunk | None:
        """Translate one event; None if there is nothing to hand on yet."""
        if event is END:
            self._complete = True  # agents mark no end of their own
            return None
        kind = event.get("type")
        if kind == "error" or kind == "response.failed":
            self._fail(event)
        if "choices" in event or "output" in event:
            return self._whole(event)
        take = self._TAKE.get(kind) if isinstance(kind, str) else None
        message = take(self, event) if take is not None else None
        if message is None:
            return None
        if message.content or message.tool_call_chunks or message.additional_kwargs:
            self._any = True
        return ChatGenerationChunk(message=message)

    def finish(self) -> ChatGenerationChunk:
        """Return the last chunk.

        Raises:
            EmptyReplyError: The stream held nothing.
            StreamInterruptedError: It ended before the reply was complete.
        """
        if not (self._any or self._streamed or self._whole_calls):
            if self._complete:
                raise EmptyReplyError("the endpoint's stream held no output")
            raise StreamInterruptedError("the stream ended before its first output")
        if not self._complete:
            raise StreamInterruptedError("the stream ended before the reply was complete")
        calls = [self._call_chunk(call) for call in self._whole_calls]
        self._calls = self._calls or bool(calls)
        usage = usage_metadata(self._usage) if self._report_usage else None
        metadata = {
            **documented_counts(usage),
            "finish_reason": finish_reason(self._reply, self._calls),
        }
        extra: JSONObject = {}
        if outputs := self._reply.get("custom_outputs"):
            extra["custom_outputs"] = outputs
        content: list[str | JSONObject] = []
        if self._stop is not None and (rest := self._stop.flush()):
            content.append({"type": "text", "text": rest, "index": self._stop_index})
        message = AIMessageChunk(
            content=content,
            usage_metadata=usage,
            response_metadata=metadata,
            additional_kwargs=extra,
            tool_call_chunks=calls,
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)

    def _call_chunk(self, item: JSONObject) -> ToolCallChunk:
        return ToolCallChunk(
            type="tool_call_chunk",
            name=item.get("name"),
            args=item.get("arguments") or "",
            id=item.get("call_id") or item.get("id"),
            index=self._index("whole call", item.get("call_id")),
        )

    _stop_index = 0

    def _fail(self, event: JSONObject) -> None:
        response = event.get("response")
        raise_failure(response if isinstance(response, dict) else event)
        text = event.get("message") or "no reason given"
        raise StreamedAPIError(
            f"the server ended the stream with an error: {text}",
            error_code=event.get("code"),
            server_text=str(text),
        )

    def _whole(self, event: JSONObject) -> ChatGenerationChunk:
        """Take a whole reply where a stream was expected."""
        whole = response_result(event, self._stop.words if self._stop else ()).generations[0]
        self._any = self._complete = True
        self._usage = event.get("usage")
        self._reply = event
        message = whole.message
        calls = getattr(message, "tool_calls", [])
        self._calls = bool(calls)
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content=message.content,
                tool_calls=calls,
                response_metadata=reply_metadata(event),
                additional_kwargs={
                    k: v for k, v in message.additional_kwargs.items() if k != "custom_outputs"
                },
            )
        )

    def _created(self, event: JSONObject) -> AIMessageChunk | None:
        if self._head is not None:
            return None
        self._head = reply_metadata(event.get("response") or {})
        return AIMessageChunk(content=[], response_metadata=dict(self._head))

    def _text(self, event: JSONObject) -> AIMessageChunk | None:
        item = event.get("output_index")
        self._streamed.add(("text", item))
        index = self._index("text", item, event.get("content_index"))
        text = event.get("delta") or ""
        if self._stop is not None:
            self._stop_index = index
            text = self._stop.feed(text)
        logprobs = event.get("logprobs")
        if not text and not logprobs:
            return None
        return AIMessageChunk(
            content=[{"type": "text", "text": text, "index": index}],
            response_metadata={"logprobs": {"content": logprobs}} if logprobs else {},
        )

    def _annotation(self, event: JSONObject) -> AIMessageChunk:
        item = event.get("output_index")
        block = {
            "type": "text",
            "text": "",
            "annotations": [annotation_block(event.get("annotation") or {})],
            "index": self._index("text", item, event.get("content_index")),
        }
        return AIMessageChunk(content=[block])

    def _refusal(self, event: JSONObject) -> AIMessageChunk:
        self._streamed.add(("refusal", event.get("output_index")))
        return AIMessageChunk(content=[], additional_kwargs={"refusal": event.get("delta") or ""})

    def _thought(self, event: JSONObject) -> AIMessageChunk:
        item = event.get("output_index")
        self._streamed.add(("reasoning", item))
        place = event.get("summary_index", event.get("content_index"))
        block = {
            "type": "reasoning",
            "reasoning": event.get("delta") or "",
            "index": self._index("reasoning", item, place),
        }
        return AIMessageChunk(content=[block])

    def _item_added(self, event: JSONObject) -> AIMessageChunk | None:
        item = event.get("item") or {}
        if item.get("type") != "function_call":
            return None
        return self._call(event, item.get("name"), item.get("arguments") or "", item)

    def _arguments(self, event: JSONObject) -> AIMessageChunk:
        return self._call(event, None, event.get("delta") or "", {})

    def _call(
        self, event: JSONObject, name: str | None, arguments: str, item: JSONObject
    ) -> AIMessageChunk:
        self._calls = True
        place = event.get("output_index")
        self._streamed.add(("call", place))
        if arguments:
            self._streamed.add(("arguments", place))
        chunk = ToolCallChunk(
            type="tool_call_chunk",
            name=name,
            args=arguments,
            id=item.get("call_id") or item.get("id"),
            index=self._index("call", place, None),
        )
        return AIMessageChunk(content=[], tool_call_chunks=[chunk])

    def _item_done(self, event: JSONObject) -> AIMessageChunk | None:
        """Take what of a finished item was not streamed."""
        item = event.get("item") or {}
        place = event.get("output_index", item.get("id"))
        event = {**event, "output_index": place}
        kind = item.get("type")
        if kind == "function_call":
            if ("call", place) not in self._streamed:
                # Perhaps an agent has run it itself; then nobody shall run it again.
                self._whole_calls.append(item)
                return None
            if ("arguments", place) not in self._streamed and item.get("arguments"):
                return self._call(event, None, item["arguments"], {})
            return None
        if kind == "function_call_output":
            return self._agent_step(item)
        if kind == "reasoning" and ("reasoning", place) in self._streamed:
            identity = reasoning_identity(item)
            block = {"type": "reasoning", **identity, "index": self._index("reasoning", place, 0)}
            return AIMessageChunk(content=[block]) if identity else None
        if kind == "message" and ("text", place) in self._streamed:
            return None
        return self._unstreamed(item, place)

    def _agent_step(self, result: JSONObject) -> AIMessageChunk:
        answered = result.get("call_id")
        steps = [c for c in self._whole_calls if c.get("call_id") == answered]
        self._whole_calls = [c for c in self._whole_calls if c.get("call_id") != answered]
        blocks: list[str | JSONObject] = [
            {**block, "index": self._index(step.get("type"), answered)}
            for step in (*steps, result)
            for block in blocks_of_item(step)
        ]
        return AIMessageChunk(content=blocks)

    def _unstreamed(self, item: JSONObject, place: JSONValue) -> AIMessageChunk | None:
        blocks: list[str | JSONObject] = []
        for number, block in enumerate(blocks_of_item(item)):
            if self._stop is not None and block["type"] == "text":
                block = {**block, "text": cut_at_stop(block["text"], self._stop.words)}
            blocks.append({**block, "index": self._index(block["type"], place, number)})
        refusal = "" if ("refusal", place) in self._streamed else refusal_of(item)
        if not blocks and not refusal:
            return None
        return AIMessageChunk(
            content=blocks, additional_kwargs={"refusal": refusal} if refusal else {}
        )

    def _completed(self, event: JSONObject) -> AIMessageChunk | None:
        self._complete = True
        self._reply = event.get("response") or {}
        raise_failure(self._reply)
        self._usage = self._reply.get("usage")
        chunk = self._created(event)
        if not self._any and not self._streamed and self._reply.get("output"):
            for place, item in enumerate(self._reply["output"]):
                done = self._item_done({"item": item, "output_index": place})
                if done is not None:
                    chunk = done if chunk is None else chunk + done
        return chunk

    def _index(self, *key: JSONValue) -> int:
        """Number blocks in the order in which they begin."""
        return self._indexes.setdefault(key, len(self._indexes))

    _TAKE = {  # noqa: RUF012 - a table, never changed
        "response.created": _created,
        "response.in_progress": _created,
        "response.output_text.delta": _text,
        "response.output_text.annotation.added": _annotation,
        "response.refusal.delta": _refusal,
        "response.reasoning_summary_text.delta": _thought,
        "response.reasoning_text.delta": _thought,
        "response.output_item.added": _item_added,
        "response.function_call_arguments.delta": _arguments,
        "response.output_item.done": _item_done,
        "response.completed": _completed,
        "response.incomplete": _completed,
    }
