"""From the chunks of a chat to the events of the Responses API.

Both are OpenAI's (their API reference, "Streaming events" and "The chat completion chunk object").
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.ids import now_ms
from lakeserve.providers import chat_reply
from lakeserve.providers import responses_reply as reply
from lakeserve.providers.json_values import count, mapping, objects, string


class ResponseReader:
    """Reads one stream; a ``ChunkReader``.

    One thought or text is open at a time. Calls stay open to the end, for their arguments may come
    by turns.
    """

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.done = False
        self._asked = asked
        self._number = 0
        self._response: dict[str, Any] = {}
        self._output: list[dict[str, Any]] = []
        self._open: _Open | None = None
        self._calls: dict[int, int] = {}  # where in the output a call is, by its index
        self._finish: object = None
        self._usage: dict[str, Any] = {}

    def read(self, event: dict[str, Any]) -> bytes:
        """See ``EventReader.read``."""
        out = [b"" if self._response else self._begin(event)]
        if event.get("usage") is not None:
            self._usage = mapping(event.get("usage"))
        for choice in objects(event.get("choices"))[:1]:
            out.append(self._delta(mapping(choice.get("delta")), choice.get("logprobs")))
            if choice.get("finish_reason") is not None:
                self._finish = choice["finish_reason"]
        return b"".join(out)

    def end(self) -> bytes:
        """See ``ChunkReader.end``."""
        out = [b"" if self._response else self._begin({}), self._close()]
        out += [self._close_call(place) for place in self._calls.values()]
        if not self._output:
            out += [self._text("", None), self._close()]
        over = {
            **self._response,
            "output": self._output,
            "usage": reply.usage(self._usage),
            **reply.ending(self._finish),
        }
        return b"".join([*out, self._event(f"response.{over['status']}", response=over)])

    def _begin(self, event: Mapping[str, Any]) -> bytes:
        created = count(event.get("created")) or now_ms() // 1000
        model = string(event.get("model"))
        self._response = reply.response(self._asked, model, reply.new_id("resp"), created)
        return self._event("response.created", response=self._response) + self._event(
            "response.in_progress", response=self._response
        )

    def _delta(self, delta: Mapping[str, Any], logprobs: object) -> bytes:
        content = delta.get("content")
        out = []
        if isinstance(content, str):
            out.append(self._text(content, logprobs) if content else b"")
        for part in objects(content):
            if part.get("type") == "reasoning":
                out.append(self._thought(part))
            elif part.get("text"):
                out.append(self._text(string(part.get("text")), logprobs))
        if isinstance(delta.get("refusal"), str) and delta["refusal"]:
            out.append(self._refusal(delta["refusal"]))
        if string(delta.get("reasoning_content")):  # as some servers spell it
            out.append(self._think(string(delta["reasoning_content"]), ""))
        out += [self._call(call) for call in objects(delta.get("tool_calls"))]
        return b"".join(out)

    def _add(self, item: dict[str, Any]) -> bytes:
        """Open an item of the output."""
        self._output.append(item)
        place = len(self._output) - 1
        return self._event("response.output_item.added", output_index=place, item=dict(item))

    def _turn_to(self, kind: str) -> tuple["_Open", bytes]:
        """The open part of this kind, after what was open before is closed."""
        if self._open is not None and self._open.kind == kind:
            return self._open, b""
        closed = self._close()
        if kind == "reasoning":
            item = reply.thought(reply.new_id("rs"), "", "")
        else:
            item = reply.message_item(reply.new_id("msg"), [], "in_progress")
        added = self._add(item)
        self._open = _Open(kind, len(self._output) - 1, item["id"])
        if kind == "reasoning":
            return self._open, closed + added
        part = reply.text_part("", None) if kind == "text" else reply.refusal_part("")
        begun = self._event("response.content_part.added", **self._open.content_place, part=part)
        return self._open, closed + added + begun

    def _text(self, text: str, logprobs: object) -> bytes:
        opened, out = self._turn_to("text")
        opened.text += text
        found = mapping(logprobs).get("content")
        listed = found if isinstance(found, list) else []
        opened.logprobs += listed
        place = opened.content_place
        return out + self._event("response.output_text.delta", **place, delta=text, logprobs=listed)

    def _refusal(self, text: str) -> bytes:
        opened, out = self._turn_to("refusal")
        opened.text += text
        return out + self._event("response.refusal.delta", **opened.content_place, delta=text)

    def _thought(self, part: Mapping[str, Any]) -> bytes:
        item = reply.thought_item("", part)
        text = "".join(string(piece.get("text")) for piece in item["summary"])
        return self._think(text, string(item.get("encrypted_content")))

    def _think(self, text: str, sealed: str) -> bytes:
        closed = b""
        if self._open is not None and self._open.sealed:  # the next thought
            closed = self._close()
        opened, out = self._turn_to("reasoning")
        opened.sealed = sealed or opened.sealed
        if not text:
            return closed + out
        place = opened.summary_place
        if not opened.text:
            part = {"type": "summary_text", "text": ""}
            out += self._event("response.reasoning_summary_part.added", **place, part=part)
        opened.text += text
        return (
            closed + out + self._event("response.reasoning_summary_text.delta", **place, delta=text)
        )

    def _call(self, call: Mapping[str, Any]) -> bytes:
        index = count(call.get("index"))
        out = b""
        if index not in self._calls:
            out = self._close()
            bare = {**call, "function": {**mapping(call.get("function")), "arguments": ""}}
            self._calls[index] = len(self._output)
            out += self._add(reply.call_item(reply.new_id("fc"), bare, "in_progress"))
        place = self._calls[index]
        item = self._output[place]
        written = string(mapping(call.get("function")).get("arguments"))
        if not written:
            return out
        item["arguments"] += written
        return out + self._event(
            "response.function_call_arguments.delta",
            item_id=item["id"],
            output_index=place,
            delta=written,
        )

    def _close_call(self, place: int) -> bytes:
        item = self._output[place]
        item["status"] = "completed"
        return self._event(
            "response.function_call_arguments.done",
            item_id=item["id"],
            output_index=place,
            name=item["name"],
            arguments=item["arguments"],
        ) + self._event("response.output_item.done", output_index=place, item=item)

    def _close(self) -> bytes:
        """Close the thought or text that is open, if there is one."""
        opened, self._open = self._open, None
        if opened is None:
            return b""
        if opened.kind == "reasoning":
            item = reply.thought(opened.item_id, opened.text, opened.sealed)
            out = self._close_summary(opened)
        else:
            part, out = self._close_part(opened)
            item = reply.message_item(opened.item_id, [part], "completed")
        self._output[opened.place] = item
        return out + self._event("response.output_item.done", output_index=opened.place, item=item)

    def _close_summary(self, opened: "_Open") -> bytes:
        if not opened.text:
            return b""
        place = opened.summary_place
        part = {"type": "summary_text", "text": opened.text}
        return self._event(
            "response.reasoning_summary_text.done", **place, text=opened.text
        ) + self._event("response.reasoning_summary_part.done", **place, part=part)

    def _close_part(self, opened: "_Open") -> tuple[dict[str, Any], bytes]:
        place = opened.content_place
        if opened.kind == "refusal":
            part = reply.refusal_part(opened.text)
            out = self._event("response.refusal.done", **place, refusal=opened.text)
        else:
            part = reply.text_part(opened.text, opened.logprobs)
            out = self._event(
                "response.output_text.done", **place, text=opened.text, logprobs=opened.logprobs
            )
        return part, out + self._event("response.content_part.done", **place, part=part)

    def _event(self, kind: str, **fields: Any) -> bytes:
        number = self._number
        self._number += 1
        return chat_reply.event({"type": kind, "sequence_number": number, **fields})


class _Open:
    """A thought or a part of a message that is being written."""

    def __init__(self, kind: str, place: int, item_id: str) -> None:
        self.kind = kind
        self.place = place
        self.item_id = item_id
        self.text = ""
        self.sealed = ""
        self.logprobs: list[Any] = []

    @property
    def content_place(self) -> dict[str, Any]:
        return {"item_id": self.item_id, "output_index": self.place, "content_index": 0}

    @property
    def summary_place(self) -> dict[str, Any]:
        return {"item_id": self.item_id, "output_index": self.place, "summary_index": 0}
