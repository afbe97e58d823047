"""Requests to Cohere; the transcripts hold the translations one by one."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from lakeserve.core.errors import BadRequest
from lakeserve.providers.cohere_request import (
    REFUSED,
    REFUSED_OF_TEXT,
    chat_request,
    text_as_chat_request,
)
from providers.cohere_schema import Chat
from providers.conversations import conversations, pieces

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "f"}}


def translated(**fields: Any) -> dict[str, Any]:
    return chat_request("m", {**HELLO, **fields})


@pytest.mark.parametrize("name", REFUSED)
def test_parameters_without_counterpart_are_refused_by_name(name: str) -> None:
    with pytest.raises(BadRequest, match=f"'{name}'.*cohere"):
        translated(**{name: "x"})


@pytest.mark.parametrize("name", REFUSED_OF_TEXT)
def test_parameters_of_completions(name: str) -> None:
    with pytest.raises(BadRequest, match=f"'{name}'.*cohere"):
        text_as_chat_request("m", {"prompt": "x", name: "x"})


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"parallel_tool_calls": False},
        {"thinking": 1},
        {"tools": [{"type": "web_search"}]},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        {"tools": [TOOL], "tool_choice": "any"},
        {"response_format": {"type": "grammar"}},
        {"messages": [{"role": "user", "content": [{"type": "file"}]}]},
        {"messages": [{"role": "system", "content": [{"type": "image_url"}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "image_url"}]}]},
        {"messages": [{"role": "tool", "content": "x"}]},
    ],
)
def test_wrong_fields(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        translated(**fields)


@pytest.mark.parametrize(
    ("choice", "sent"), [("auto", None), (None, None), ("none", "NONE"), ("required", "REQUIRED")]
)
def test_choices(choice: str | None, sent: str | None) -> None:
    assert translated(tools=[TOOL], tool_choice=choice).get("tool_choice") == sent
    assert "tool_choice" not in translated(tool_choice=choice)


@pytest.mark.parametrize(("effort", "kind"), [("none", "disabled"), ("low", "enabled")])
def test_efforts(effort: str, kind: str) -> None:
    assert translated(reasoning_effort=effort)["thinking"] == {"type": kind}


def test_forms_of_answers() -> None:
    sent = translated(response_format={"type": "json_object"})
    assert sent["response_format"] == {"type": "json_object"}
    assert "response_format" not in translated(response_format={"type": "text"})


def test_numbers() -> None:
    assert translated(top_p=0.5)["p"] == 0.5
    assert translated(top_p="x")["p"] == "x"
    assert "p" not in translated(top_p=None)


def test_messages() -> None:
    document = {"type": "document", "document": {"data": {"a": "b"}}}
    call = {"id": "1", "function": {"name": "f"}}
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    turns = [
        {"role": "user", "content": [{"type": "image_url", "image_url": "https://x"}]},
        {"role": "assistant", "content": [thought], "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [document]},
        {"role": "tool", "tool_call_id": "1", "content": None},
        {"role": "assistant", "content": None, "refusal": "no"},
    ]
    sent = translated(messages=turns)
    Chat.model_validate(sent)
    messages = sent["messages"]
    assert messages[0]["content"] == [{"type": "image_url", "image_url": {"url": "https://x"}}]
    assert messages[1]["content"] == [{"type": "thinking", "thinking": "hm"}]
    assert messages[2]["content"] == [document]
    assert messages[3]["content"] == ""
    assert messages[4] == {"role": "assistant", "content": "no"}


@given(conversations())
def test_every_message_arrives_in_its_place(turns: list[dict[str, Any]]) -> None:
    sent = chat_request("m", {"messages": turns})
    Chat.model_validate(sent)
    assert [said(message) for message in sent["messages"]] == [
        [("system", turn["content"])] if turn["role"] == "developer" else pieces(turn)
        for turn in turns
    ]


def said(message: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What one of Cohere's messages says."""
    if message["role"] == "tool":
        return [("result", message["tool_call_id"], message["content"])]
    text = message.get("content") or message.get("tool_plan")
    calls = [
        ("call", call["id"], orjson.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls", [])
    ]
    return [*([(message["role"], text)] if text else []), *calls]
