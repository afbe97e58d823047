from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGenerationChunk
from langchain_lakeserve._client import END
from langchain_lakeserve._json import JSONObject, decode_object, encode
from langchain_lakeserve._requests import response_body
from langchain_lakeserve._response_events import ResponseStreamReader
from langchain_lakeserve._response_replies import response_result
from langchain_lakeserve._responses import items_to_wire, messages_from_items
from langchain_lakeserve._stop import StopCutter
from langchain_lakeserve.errors import (
    ConfigurationError,
    EmptyReplyError,
    LakeserveError,
    StreamedAPIError,
    StreamInterruptedError,
)
from strict_endpoint import responses

FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}


def test_parameters_in_the_words_of_this_api() -> None:
    given_body = {
        "model": "m",
        "max_tokens": 5,
        "reasoning_effort": "low",
        "stop": ["x"],
        "n": 1,
        "logprobs": True,
        "tools": [{"type": "function", "function": FUNCTION}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
    }
    before = copy.deepcopy(given_body)
    wire, stop = response_body(given_body)
    assert wire == {
        "model": "m",
        "max_output_tokens": 5,
        "reasoning": {"effort": "low"},
        "include": ["message.output_text.logprobs"],
        "tools": [{"type": "function", **FUNCTION}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "s", "schema": {}}},
    }
    assert stop == ["x"]
    assert given_body == before
    with pytest.raises(ConfigurationError, match="n must be 1"):
        response_body({"n": 2})


def test_items() -> None:
    thought = {
        "type": "reasoning",
        "reasoning": "hm",
        "id": "rs_1",
        "extras": {"encrypted_content": "xyz"},
    }
    messages: list[BaseMessage] = [
        SystemMessage("s"),
        HumanMessage(
            [
                {"type": "text", "text": "look"},
                {"type": "image", "base64": "QQ==", "mime_type": "image/png"},
                {"type": "file", "base64": "QQ==", "mime_type": "application/pdf"},
            ]
        ),
        AIMessage(
            [thought, {"type": "reasoning", "reasoning": "so"}, {"type": "text", "text": "t"}],
            tool_calls=[{"name": "f", "args": {}, "id": "c1"}],
        ),
        ToolMessage("out", tool_call_id="c1"),
    ]
    before = copy.deepcopy(messages)
    assert items_to_wire(messages) == [
        {"type": "message", "role": "system", "content": "s"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "data:image/png;base64,QQ=="},
                {
                    "type": "input_file",
                    "filename": "file.pdf",
                    "file_data": "data:application/pdf;base64,QQ==",
                },
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "encrypted_content": "xyz",
            "summary": [
                {"type": "summary_text", "text": "hm"},
                {"type": "summary_text", "text": "so"},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "t"}],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "out"},
    ]
    assert messages == before
    assert not any(i["type"] == "reasoning" for i in items_to_wire(messages, "none"))


# --- events -------------------------------------------------------------------------------

REPLY = {
    "id": "resp_1",
    "model": "m",
    "status": "completed",
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "thinking hard"}],
            "encrypted_content": "xyz",
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "two words", "annotations": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c1",
            "name": "f",
            "arguments": '{"a": 1}',
        },
    ],
    "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
}


def chunks_of(events: list[JSONObject], **options: Any) -> list[ChatGenerationChunk]:
    reader = ResponseStreamReader(**options)
    chunks = [chunk for event in events if (chunk := reader.read(event)) is not None]
    return [*chunks, reader.finish()]


def streamed(events: list[JSONObject], **options: Any) -> AIMessageChunk:
    total, *rest = chunks_of(events, **options)
    for chunk in rest:
        total += chunk
    assert isinstance(total.message, AIMessageChunk)
    return total.message


def without_index(message: AIMessage) -> list[Any]:
    blocks = message.content
    assert isinstance(blocks, list)
    return [
        {key: value for key, value in block.items() if key != "index"}
        if isinstance(block, dict)
        else block
        for block in blocks
    ]


def only(*kinds: str) -> list[JSONObject]:
    return [event for event in responses.events(REPLY) if event["type"] in kinds]


ALL = responses.events(REPLY)
DONE_ITEMS = only("response.output_item.done")
LAST = only("response.completed")
WITHOUT_DELTAS = [event for event in ALL if not event["type"].endswith(".delta")]


@pytest.mark.parametrize(
    "events",
    [
        ALL,
        [*ALL, END],
        WITHOUT_DELTAS,
        [*DONE_ITEMS, *LAST],
        LAST,
        [REPLY, END],
        # Other items may end between a text's deltas and its own end.
        [*(e for e in ALL if not e["type"].endswith("item.done")), *DONE_ITEMS[::-1]],
    ],
)
def test_however_it_is_streamed_each_part_comes_once(events: list[JSONObject]) -> None:
    whole = response_result(REPLY).generations[0].message
    assert isinstance(whole, AIMessage)
    message = streamed([*events, *([] if events[-1] in (END, *LAST) else LAST)])
    key = str
    assert sorted(without_index(message), key=key) == sorted(without_index(whole), key=key)
    assert message.tool_calls == whole.tool_calls
    assert message.usage_metadata == whole.usage_metadata
    assert message.response_metadata == whole.response_metadata


def test_an_agent_marks_no_end() -> None:
    assert streamed([*DONE_ITEMS, END]).text == "two words"


def test_what_an_agent_has_run_is_not_run_again() -> None:
    items = [
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "42"},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
        {"type": "message", "content": [{"type": "output_text", "text": "It is 42."}]},
    ]
    whole = response_result({"output": items}).generations[0].message
    message = streamed(
        [*({"type": "response.output_item.done", "item": item} for item in items), END]
    )
    assert isinstance(whole, AIMessage)
    assert message.text == whole.text == "It is 42."
    assert [c["name"] for c in message.tool_calls] == ["g"]
    assert message.tool_calls == whole.tool_calls
    assert without_index(message) == whole.content
    replayed = items_to_wire([whole])
    assert [item["type"] for item in replayed] == [
        "function_call",
        "function_call_output",
        "message",
        "function_call",
    ]


def test_stop_strings_are_honoured_here() -> None:
    assert streamed(ALL, stop=["wor"]).text == "two "
    assert response_result(REPLY, ["wor"]).generations[0].message.text == "two "


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([], StreamInterruptedError),
        (ALL[:6], StreamInterruptedError),
        ([END], EmptyReplyError),
        ([*ALL[:4], {"type": "error", "message": "boom"}], StreamedAPIError),
        ([{"type": "response.failed", "response": {"error": {"message": "x"}}}], StreamedAPIError),
        ([{"type": "response.completed", "response": {"status": "failed"}}], StreamedAPIError),
    ],
)
def test_faults_have_names(events: list[JSONObject], kind: type[LakeserveError]) -> None:
    with pytest.raises(kind):
        chunks_of(events)


def test_an_incomplete_response_says_why() -> None:
    reply = {**REPLY, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    message = response_result(reply).generations[0].message
    assert message.response_metadata["finish_reason"] == "length"


def test_citations_and_refusals() -> None:
    part = {
        "type": "output_text",
        "text": "t",
        "annotations": [{"type": "url_citation", "url": "u", "title": "T", "start_index": 0}],
    }
    item = {"type": "message", "content": [part, {"type": "refusal", "refusal": "no"}]}
    message = response_result({"output": [item]}).generations[0].message
    assert message.content == [
        {
            "type": "text",
            "text": "t",
            "annotations": [{"type": "citation", "url": "u", "title": "T", "start_index": 0}],
        }
    ]
    assert message.additional_kwargs == {"refusal": "no"}


@given(
    text=st.text(alphabet="abE", max_size=30),
    words=st.lists(st.text(alphabet="abE", min_size=1, max_size=4), max_size=3),
    cuts=st.lists(st.integers(0, 30), max_size=6),
)
def test_cutting_a_stream_is_cutting_the_whole(
    text: str, words: list[str], cuts: list[int]
) -> None:
    whole = StopCutter(words)
    expected = whole.feed(text) + whole.flush()
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    cutter = StopCutter(words)
    pieces = [cutter.feed(text[a:b]) for a, b in zip(places, places[1:], strict=False)]  # noqa: RUF007
    assert "".join(pieces) + cutter.flush() == expected


# --- nothing is lost ----------------------------------------------------------------------

texts = st.text(min_size=1, max_size=20)
blocks = st.one_of(
    st.builds(lambda t: {"type": "text", "text": t}, texts),
    st.just({"type": "image", "base64": "QQ==", "mime_type": "image/png"}),
    st.just({"type": "file", "file_id": "f-1"}),
    st.just({"type": "audio", "base64": "QQ==", "mime_type": "audio/wav"}),
)
thoughts = st.builds(
    lambda t, e: {
        "type": "reasoning",
        "reasoning": t,
        "id": "rs_1",
        **({"extras": {"encrypted_content": e}} if e else {}),
    },
    texts,
    st.sampled_from(["", "xyz"]),
)
calls = st.lists(
    st.builds(
        lambda a, i: {"name": "f", "args": a, "id": f"c{i}", "type": "tool_call"},
        st.dictionaries(texts, st.integers() | texts, max_size=2),
        st.integers(0, 9),
    ),
    max_size=2,
)
contents = texts | st.lists(blocks, min_size=1, max_size=3)
answers = st.builds(
    lambda thought, text, tool_calls: AIMessage(
        content=[*([thought] if thought else []), {"type": "text", "text": text}],
        tool_calls=tool_calls,
    ),
    st.none() | thoughts,
    texts,
    calls,
)
others: st.SearchStrategy[BaseMessage] = st.one_of(
    st.builds(lambda c: HumanMessage(content=c), contents),
    st.builds(lambda c: SystemMessage(content=c), texts),
    st.builds(lambda c: ToolMessage(content=c, tool_call_id="c1"), contents),
)


@given(st.lists(st.tuples(others, answers), max_size=3))
def test_message_to_wire_and_back_loses_nothing(
    turns: list[tuple[BaseMessage, AIMessage]],
) -> None:
    messages = [message for turn in turns for message in turn]
    before = copy.deepcopy(messages)
    sent = decode_object(encode({"input": items_to_wire(messages)}).decode())
    assert sent is not None
    assert messages_from_items(sent["input"]) == before
    assert messages == before
