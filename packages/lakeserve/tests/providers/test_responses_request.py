"""Requests of the Responses API as chats."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from lakeserve.core.errors import BadRequest
from lakeserve.providers.responses_request import REFUSED, chat_request
from providers.conversations import conversations


def chat(given: object, *, thoughts: bool = True, **fields: Any) -> dict[str, Any]:
    return chat_request({"input": given, **fields}, thoughts=thoughts)


def items_of(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A conversation in the items of the Responses API."""
    items: list[dict[str, Any]] = []
    for turn in turns:
        if turn["role"] == "tool":
            output = {"call_id": turn["tool_call_id"], "output": turn["content"]}
            items.append({"type": "function_call_output", **output})
            continue
        if turn["content"]:
            items.append({"role": turn["role"], "content": turn["content"]})
        items += [
            {"type": "function_call", "call_id": call["id"], **call["function"]}
            for call in turn.get("tool_calls", [])
        ]
    return items


def said(message: dict[str, Any]) -> tuple[str, str, list[Any], str]:
    content = message["content"]
    text = content if isinstance(content, str) else "".join(p["text"] for p in content or [])
    calls = [
        (call["id"], call["function"]["name"], orjson.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls", [])
    ]
    return message["role"], text, calls, message.get("tool_call_id", "")


@given(conversations())
def test_any_conversation_is_the_same_as_a_chat(turns: list[dict[str, Any]]) -> None:
    expected = [
        {**turn, "content": turn["content"] or ""} if turn["role"] == "assistant" else turn
        for turn in turns
    ]
    found = chat(items_of(turns))["messages"]
    assert [said(message) for message in found] == [said(message) for message in expected]


def test_every_part_of_a_request() -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    asked = chat(
        "Hello",
        model="m",
        instructions="Be brief.",
        max_output_tokens=9,
        temperature=0.5,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": schema, "verbosity": "low"},
        tools=[tool, {"googleSearch": {}}],
        tool_choice={"type": "function", "name": "f"},
        metadata={"a": "b"},
        include=["message.output_text.logprobs"],
        store=False,
        top_k=3,
    )
    assert asked == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
        ],
        "max_tokens": 9,
        "temperature": 0.5,
        "top_k": 3,
        "reasoning_effort": "low",
        "logprobs": True,
        "verbosity": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object"}, "strict": True},
            },
            {"googleSearch": {}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    }


def test_parts() -> None:
    parts = [
        {"type": "input_text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "input_image", "image_url": "http://h/x.png", "detail": "low"},
        {"type": "input_file", "filename": "f", "file_data": "data:,"},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
    ]
    (message,) = chat([{"role": "user", "content": parts}])["messages"]
    assert message["content"] == [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "http://h/x.png", "detail": "low"}},
        {"type": "file", "file": {"filename": "f", "file_data": "data:,"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
    ]


def test_thoughts_go_back_with_their_seals() -> None:
    items = [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "sig",
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "hidden"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
        {"type": "function_call", "call_id": "1", "name": "f", "extra_content": {"a": 1}},
    ]
    (message,) = chat(items)["messages"]
    assert message["content"] == [
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Hm.", "signature": "sig"}],
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "hidden"},
        {"type": "text", "text": "x"},
    ]
    (call,) = message["tool_calls"]
    assert call["extra_content"] == {"a": 1}
    (bare,) = chat(items, thoughts=False)["messages"]
    assert bare["content"] == [{"type": "text", "text": "x"}]


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_a_memory_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match=f"'{name}' is not supported here"):
        chat_request({"input": "x", name: "y"}, thoughts=True)
    assert name not in chat_request({"input": "x", name: None}, thoughts=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "'input' must be a string or a list"),
        ([3], r"'input\[0\]' must be an object"),
        ([{"role": "robot", "content": ""}], r"'input\[0\].role' must be one of user"),
        ([{"role": "user", "content": 3}], r"'input\[0\].content' must be a string or a list"),
        ([{"role": "user", "content": [3]}], r"content\[0\]' must be an object"),
        ([{"role": "user", "content": [{"type": "x"}]}], "parts of the type 'x'"),
        ([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}], "input_image"),
        ([{"type": "item_reference", "id": "x"}], "items of the type 'item_reference'"),
        ([{"type": "function_call"}], "must have a call_id and a name"),
        ([{"type": "function_call_output"}], r"'input\[0\].call_id'"),
    ],
)
def test_wrong_input(given: object, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        chat(given)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"instructions": 3}, "'instructions' must be a string"),
        ({"text": 3}, "'text' must be an object"),
        ({"text": {"format": {"type": "x"}}}, r"'text.format.type'"),
        ({"reasoning": "low"}, "'reasoning' must be an object"),
        ({"tools": 3}, "'tools' must be a list"),
        ({"tools": [{"type": "web_search"}]}, "tools of the type 'web_search'"),
        (
            {"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "mcp"}},
            "'tool_choice' must be",
        ),
    ],
)
def test_wrong_fields(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        chat("x", **fields)
