from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_lakeserve._json import decode_object, encode
from langchain_lakeserve._messages import message_from_wire, messages_to_wire

PNG = "iVBORw0KGgo="
DATA_URL = f"data:image/png;base64,{PNG}"
IMAGE_PART = {"type": "image_url", "image_url": {"url": DATA_URL}}
PDF_PART = {
    "type": "file",
    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="},
}
AUDIO_PART = {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ("text", {"type": "text", "text": "text"}),
        (
            {"type": "text", "text": "t", "index": 0, "annotations": []},
            {"type": "text", "text": "t"},
        ),
        (
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
        ),
        (
            {"type": "text", "text": "t", "extras": {"cache_control": {"type": "ephemeral"}}},
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
        ),
        (
            {"type": "text-plain", "text": "t", "mime_type": "text/plain"},
            {"type": "text", "text": "t"},
        ),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, IMAGE_PART),
        (
            {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
            IMAGE_PART,
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            IMAGE_PART,
        ),
        (IMAGE_PART, IMAGE_PART),
        ({"type": "image_url", "image_url": DATA_URL}, IMAGE_PART),
        (
            {"type": "image", "url": "https://e.org/a.png", "extras": {"detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://e.org/a.png", "detail": "low"}},
        ),
        (
            {"type": "file", "base64": "QQ==", "mime_type": "application/pdf", "filename": "a.pdf"},
            PDF_PART,
        ),
        (
            {
                "type": "file",
                "source_type": "base64",
                "data": "QQ==",
                "mime_type": "application/pdf",
                "metadata": {"filename": "a.pdf"},
            },
            PDF_PART,
        ),
        (PDF_PART, PDF_PART),
        ({"type": "file", "file_id": "f-1"}, {"type": "file", "file": {"file_id": "f-1"}}),
        ({"type": "audio", "base64": "QQ==", "mime_type": "audio/x-wav"}, AUDIO_PART),
        (AUDIO_PART, AUDIO_PART),
        ({"type": "non_standard", "value": {"type": "mine", "x": 1}}, {"type": "mine", "x": 1}),
        ({"type": "mine", "x": 1}, {"type": "mine", "x": 1}),
        ({"type": "refusal", "refusal": "no"}, {"type": "refusal", "refusal": "no"}),
    ],
)
def test_content_parts(block: Any, part: dict[str, Any]) -> None:
    before = copy.deepcopy(block)
    wire = messages_to_wire([HumanMessage(content=[block])])
    assert wire == [{"role": "user", "content": [part]}]
    assert block == before


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image"},
        {"type": "audio", "url": "https://e.org/a.wav"},
        {"type": "file", "url": "https://e.org/a.pdf"},
        {"type": "non_standard", "value": 1},
    ],
)
def test_what_cannot_be_sent_is_refused(block: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="block"):
        messages_to_wire([HumanMessage(content=[block])])


def test_roles() -> None:
    call = {"name": "f", "args": {"é": 1}, "id": "c1"}
    wire = messages_to_wire(
        [
            SystemMessage("s"),
            SystemMessage("d", additional_kwargs={"__openai_role__": "developer"}),
            HumanMessage("h", name="ann"),
            AIMessage("", tool_calls=[call]),
            ToolMessage("result", tool_call_id="c1", status="error"),
            ToolMessage([{"type": "text", "text": "r"}], tool_call_id="c2"),
            ChatMessage(content="x", role="critic"),
        ]
    )
    assert wire == [
        {"role": "system", "content": "s"},
        {"role": "developer", "content": "d"},
        {"role": "user", "content": "h", "name": "ann"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"é":1}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "result"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "r"}]},
        {"role": "critic", "content": "x"},
    ]


def test_anthropic_tool_results_become_messages() -> None:
    wire = messages_to_wire(
        [
            AIMessage([{"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}]),
            HumanMessage(
                [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "42"},
                    {"type": "text", "text": "and?"},
                ]
            ),
        ]
    )
    assert wire[0]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":1}'}
    assert wire[0]["content"] is None
    assert wire[1:] == [
        {"role": "tool", "tool_call_id": "t1", "content": "42"},
        {"role": "user", "content": [{"type": "text", "text": "and?"}]},
    ]


def test_function_messages_are_refused() -> None:
    with pytest.raises(ValueError, match="ToolMessage"):
        messages_to_wire([FunctionMessage(content="x", name="f")])


REASONING = {"type": "reasoning", "reasoning": "hm", "extras": {"signature": "sig"}}
SENT = {
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "hm", "signature": "sig"}],
}


@pytest.mark.parametrize(
    ("replay", "provider", "sent"),
    [
        ("signed", "databricks", True),
        ("signed", "anthropic", False),
        ("all", "anthropic", True),
        ("none", "databricks", False),
    ],
)
def test_reasoning_goes_back_where_it_is_valid(replay: Any, provider: str, sent: bool) -> None:
    message = AIMessage(
        [REASONING, {"type": "text", "text": "so"}],
        response_metadata={"model_provider": provider},
    )
    (wire,) = messages_to_wire([message], replay)
    assert (wire["content"][0] == SENT) is sent
    assert wire["content"][-1] == {"type": "text", "text": "so"}


def test_unreadable_arguments_survive() -> None:
    wire = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{no"}}
        ],
    }
    message = message_from_wire(wire)
    assert isinstance(message, AIMessage)
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["args"] == "{no"
    assert messages_to_wire([message]) == [wire]


# --- nothing is lost ----------------------------------------------------------------------

texts = st.text(max_size=20)
names = st.none() | st.from_regex(r"[a-z]{1,8}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
blocks = st.one_of(
    st.builds(lambda t: {"type": "text", "text": t}, texts),
    st.just({"type": "image", "base64": PNG, "mime_type": "image/png"}),
    st.just({"type": "image", "url": "https://e.org/a.png"}),
    st.just({"type": "audio", "base64": "QQ==", "mime_type": "audio/wav"}),
    st.just({"type": "file", "file_id": "f-1"}),
    st.just(
        {
            "type": "file",
            "base64": "QQ==",
            "mime_type": "application/pdf",
            "extras": {"filename": "a.pdf"},
        }
    ),
)
contents = texts | st.lists(blocks, min_size=1, max_size=3)
calls = st.lists(
    st.builds(
        lambda n, a, i: {"name": n, "args": a, "id": f"c{i}", "type": "tool_call"},
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.dictionaries(texts, values, max_size=3),
        st.integers(0, 99),
    ),
    max_size=2,
)
messages: st.SearchStrategy[BaseMessage] = st.one_of(
    st.builds(lambda c, n: HumanMessage(content=c, name=n), contents, names),
    st.builds(lambda c, n: SystemMessage(content=c, name=n), texts, names),
    st.builds(lambda c, t, n: AIMessage(content=c, tool_calls=t, name=n), texts, calls, names),
    st.builds(lambda c: ToolMessage(content=c, tool_call_id="c1"), contents),
    st.builds(lambda c: ChatMessage(content=c, role="critic"), texts),
)


@given(st.lists(messages, max_size=4))
def test_message_to_wire_and_back_loses_nothing(given_messages: list[BaseMessage]) -> None:
    before = copy.deepcopy(given_messages)
    wire = messages_to_wire(given_messages)
    sent = decode_object(encode({"messages": wire}).decode())
    assert sent is not None
    assert [message_from_wire(message) for message in sent["messages"]] == before
    assert given_messages == before
