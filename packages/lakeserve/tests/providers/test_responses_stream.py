"""Streams of the Responses API."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.providers.responses_stream import ResponseReader
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
words = st.text(min_size=1, max_size=5)


def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return {"id": "c", "created": 7, "model": "m", "choices": [choice]}


def events_of(chunks: list[dict[str, Any]], **asked: Any) -> list[dict[str, Any]]:
    """The events of a stream, which OpenAI's own types accept, numbered without a gap."""
    reader = ResponseReader(asked)
    data = b"".join(map(reader.read, chunks)) + reader.end()
    events = [orjson.loads(event[6:]) for event in data.split(b"\n\n") if event]
    for event in events:
        EVENTS.validate_python(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def thought(text: str, signature: str = "") -> dict[str, Any]:
    more = {"signature": signature} if signature else {}
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": text, **more}]}


def call(index: int, arguments: str, name: str = "") -> dict[str, Any]:
    if name:
        function = {"name": name, "arguments": arguments}
        return {"index": index, "id": f"id-{index}", "type": "function", "function": function}
    return {"index": index, "function": {"arguments": arguments}}


def test_text() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    events = events_of(
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Grü"}),
            chunk({"content": "ße"}),
            chunk({}, finish_reason="stop"),
            {"choices": [], "usage": usage},
        ]
    )
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    last = events[-1]["response"]
    assert last["output"][0]["content"][0]["text"] == "Grüße"
    assert last["usage"]["total_tokens"] == 3
    assert last["id"] == events[0]["response"]["id"]


def test_thoughts_then_text_then_calls() -> None:
    events = events_of(
        [
            chunk({"content": [thought("Let ")]}),
            chunk({"content": [thought("me.")]}),
            chunk({"content": [thought("", "sig")]}),
            chunk({"content": [{"type": "reasoning", "summary": [], "encrypted_content": "s"}]}),
            chunk({"content": "Yes."}),
            chunk({"tool_calls": [call(0, "", "f")]}),
            chunk({"tool_calls": [call(0, '{"a"')]}),
            chunk({"tool_calls": [call(1, "{}", "g")]}),
            chunk({"tool_calls": [call(0, ":1}")]}),
            chunk({}, finish_reason="tool_calls"),
        ]
    )
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == [
        "reasoning",
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert output[0]["summary"] == [{"type": "summary_text", "text": "Let me."}]
    assert (output[0]["encrypted_content"], output[1]["encrypted_content"]) == ("sig", "s")
    assert [(item["call_id"], item["arguments"]) for item in output[3:]] == [
        ("id-0", '{"a":1}'),
        ("id-1", "{}"),
    ]
    done = [event for event in events if event["type"] == "response.output_item.done"]
    assert sorted(event["output_index"] for event in done) == list(range(5))


def test_refusals_and_answers_that_are_cut() -> None:
    events = events_of([chunk({"refusal": "No"}), chunk({"refusal": "."}, finish_reason="length")])
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert events[-1]["response"]["output"][0]["content"][0]["refusal"] == "No."


def test_an_empty_stream_is_an_empty_answer() -> None:
    events = events_of([])
    assert events[0]["type"] == "response.created"
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == ""


deltas = st.one_of(
    words.map(lambda text: {"content": text}),
    words.map(lambda text: {"content": [thought(text)]}),
    words.map(lambda text: {"refusal": text}),
    st.tuples(st.integers(0, 2), words).map(lambda c: {"tool_calls": [call(c[0], c[1], "f")]}),
)


@given(st.lists(deltas, max_size=12))
def test_any_stream_says_at_its_end_what_it_said_on_the_way(given: list[dict[str, Any]]) -> None:
    events = events_of([chunk(delta) for delta in given])
    output = events[-1]["response"]["output"]
    for index, item in enumerate(output):
        deltas = [
            event["delta"]
            for event in events
            if event.get("output_index") == index and event["type"].endswith(".delta")
        ]
        if item["type"] == "function_call":
            whole = item["arguments"]
        elif item["type"] == "reasoning":
            whole = "".join(part["text"] for part in item["summary"])
        else:
            whole = "".join(p.get("text") or p.get("refusal") or "" for p in item["content"])
        assert "".join(deltas) == whole
        finished = [
            event["item"]
            for event in events
            if event["type"] == "response.output_item.done" and event["output_index"] == index
        ]
        assert finished == [item]
