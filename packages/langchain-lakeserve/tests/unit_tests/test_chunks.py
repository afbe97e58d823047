from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_lakeserve._chunks import ChatStreamReader
from langchain_lakeserve._client import EventReader
from langchain_lakeserve._json import JSONObject
from langchain_lakeserve._replies import chat_result
from langchain_lakeserve.errors import (
    EmptyReplyError,
    NotJSONError,
    StreamedAPIError,
    StreamInterruptedError,
)
from strict_endpoint import chat

HEAD = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def event(delta: JSONObject, finish: str | None = None, **more: Any) -> JSONObject:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def raw(events: list[JSONObject], *, done: bool = True) -> bytes:
    lines = [b"data: " + orjson.dumps(e) + b"\n\n" for e in events]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def chunks_of(pieces: list[bytes]) -> list[ChatGenerationChunk]:
    bytes_reader = EventReader({"content-type": "text/event-stream"})
    reader = ChatStreamReader()
    events = [event for piece in pieces for event in bytes_reader.read(piece)]
    events += bytes_reader.end()
    chunks = [chunk for one in events if (chunk := reader.read(one)) is not None]
    return [*chunks, reader.finish()]


def summed(chunks: list[ChatGenerationChunk]) -> AIMessageChunk:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    message = total.message
    assert isinstance(message, AIMessageChunk)
    message.response_metadata.update(total.generation_info or {})
    return message


def streamed(events: list[JSONObject], *, done: bool = True) -> AIMessageChunk:
    return summed(chunks_of([raw(events, done=done)]))


def test_usage_of_every_event_counts_once() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": None, "total_tokens": None}
    last = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
    message = streamed(
        [
            event({"content": "a"}, usage=usage),
            event({"content": "b"}, usage=usage),
            event({}, "stop", usage=last),
            {**HEAD, "choices": [], "usage": last},
        ]
    )
    assert message.content == "ab"
    assert message.usage_metadata == {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14}


def test_only_the_last_chunk_is_last_and_has_usage() -> None:
    chunks = chunks_of([raw([event({"content": "a"}), event({}, "stop")])])
    marks = [getattr(chunk.message, "chunk_position", None) for chunk in chunks]
    assert marks == [None, "last"]


def test_tool_calls_in_parallel() -> None:
    def call(index: int, **function: str) -> JSONObject:
        start = {"id": f"c{index}", "type": "function"} if "name" in function else {}
        return {"tool_calls": [{"index": index, **start, "function": function}]}

    message = streamed(
        [
            event({"role": "assistant", "content": None}),
            event(call(0, name="f", arguments="")),
            event(call(1, name="g", arguments="")),
            event(call(0, arguments='{"a":')),
            event(call(1, arguments="{}")),
            event(call(0, arguments="1}")),
            event({}, "tool_calls"),
        ]
    )
    assert [(c["name"], c["args"], c["id"]) for c in message.tool_calls] == [
        ("f", {"a": 1}, "c0"),
        ("g", {}, "c1"),
    ]
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.response_metadata["model_name"] == "m"


def test_reasoning_becomes_blocks() -> None:
    def thought(text: str, **more: str) -> JSONObject:
        summary = [{"type": "summary_text", "text": text, **more}]
        return {"content": [{"type": "reasoning", "summary": summary}]}

    message = streamed(
        [
            event(thought("I ")),
            event(thought("think", signature="sig")),
            event({"content": "so"}),
            event({"content": " it is"}),
            event({}, "stop"),
        ]
    )
    assert message.content == [
        {"type": "reasoning", "reasoning": "I think", "extras": {"signature": "sig"}, "index": 0},
        {"type": "text", "text": "so it is", "index": 1},
    ]
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]


def test_reasoning_beside_the_content() -> None:
    message = streamed(
        [
            event({"reasoning_content": "I "}),
            event({"reasoning_content": "think"}),
            event({"content": "so"}),
            event({}, "stop"),
        ]
    )
    assert message.content == "so"
    assert message.content_blocks[0] == {"type": "reasoning", "reasoning": "I think"}


def test_further_choices_come_whole() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 3}
    reply = chat.answer({**body, "stream": True})
    message = streamed(chat.events(reply, body))
    assert message.content == "You said: hi"
    others = message.response_metadata["alternatives"]
    assert [(o["index"], o["message"]["content"]) for o in others] == [
        (1, "You said: hi"),
        (2, "You said: hi"),
    ]


def test_agents_stream_deltas_without_choices() -> None:
    message = streamed(
        [
            {"delta": {"role": "assistant", "content": "a", "id": "1"}},
            {"delta": {"role": "assistant", "content": "b", "id": "1"}},
        ],
        done=False,
    )
    assert message.content == "ab"


def test_what_an_agent_has_run_is_not_run_again() -> None:
    def call(name: str) -> JSONObject:
        return {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}

    message = streamed(
        [
            {"delta": {"role": "assistant", "content": "", "tool_calls": [call("a"), call("b")]}},
            {"delta": {"role": "tool", "content": "42", "tool_call_id": "a"}},
            {"delta": {"role": "assistant", "content": "It is 42."}},
        ]
    )
    assert message.content == "It is 42."
    assert [c["name"] for c in message.tool_calls] == ["b"]
    steps = message.additional_kwargs["agent_messages"]
    assert [step["type"] for step in steps] == ["ai", "tool"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (raw([event({"content": "a"})], done=False), StreamInterruptedError),
        (raw([event({"content": "a"})], done=False) + b'data: {"id', StreamInterruptedError),
        (b"", StreamInterruptedError),
        (b"data: [DONE]\n\n", EmptyReplyError),
        (raw([event({"content": "a"}), {"error": {"message": "boom"}}]), StreamedAPIError),
        (raw([{"error_code": "INTERNAL_ERROR", "message": "boom"}]), StreamedAPIError),
        (b"<html>login</html>", NotJSONError),
        (b"data: <html>\n\n", NotJSONError),
    ],
)
def test_faults_have_names(data: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        chunks_of([data])


def test_an_end_without_done_is_an_end() -> None:
    assert streamed([event({"content": "a"}, "stop")], done=False).content == "a"


bodies = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "messages": st.just([{"role": "user", "content": "héllo wörld 7"}]),
        "stream_options": st.just({"include_usage": True}),
        "stream": st.just(True),
    },
    optional={
        "logprobs": st.booleans(),
        "tools": st.just(
            [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "parameters": {"type": "object", "properties": {"é": {"type": "string"}}},
                    },
                }
            ]
        ),
        "stop": st.sampled_from([["w"], "7"]),
    },
)


@given(body=bodies, cuts=st.lists(st.integers(1, 3000), max_size=12))
def test_summed_chunks_equal_the_invoked_message(body: JSONObject, cuts: list[int]) -> None:
    reply = chat.answer(body)
    data = raw(chat.events(reply, body))
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(places)]
    chunks = chunks_of(pieces)
    assert chunks == chunks_of([data])
    generation = chat_result(reply).generations[0]
    whole = generation.message
    assert isinstance(whole, AIMessage)
    total = summed(chunks)
    assert total.content == whole.content
    assert total.tool_calls == whole.tool_calls
    assert total.usage_metadata == whole.usage_metadata
    assert total.additional_kwargs == whole.additional_kwargs
    assert total.response_metadata == {
        **whole.response_metadata,
        **(generation.generation_info or {}),
    }
