"""Requests to Anthropic; the transcripts hold the translations one by one."""

from typing import Any

import pytest
from hypothesis import given
from lakeserve.core.errors import BadRequest
from lakeserve.providers.anthropic_request import REFUSED, closed, messages_request
from providers.anthropic_schema import Messages
from providers.conversations import conversations, pieces

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "f"}}


def translated(**fields: Any) -> dict[str, Any]:
    return messages_request("m", {**HELLO, **fields})


@pytest.mark.parametrize("name", REFUSED)
def test_parameters_without_counterpart_are_refused_by_name(name: str) -> None:
    with pytest.raises(BadRequest, match=f"'{name}'.*anthropic"):
        translated(**{name: "x"})


def test_other_fields_pass() -> None:
    sent = translated(service_tier="auto", mine={"a": 1}, temperature=None, frequency_penalty=0)
    assert sent["service_tier"] == "auto"
    assert sent["mine"] == {"a": 1}
    assert not {"temperature", "frequency_penalty"} & set(sent)


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, {"type": "auto", "disable_parallel_tool_use": True}),
        ("auto", {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
    ],
)
def test_one_call_at_a_time(choice: str | None, sent: dict[str, Any]) -> None:
    request = translated(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)
    assert request["tool_choice"] == sent


def test_choices_without_tools_are_dropped() -> None:
    assert "tool_choice" not in translated(tool_choice="none", parallel_tool_calls=False)
    assert "tool_choice" not in translated(tools=[TOOL])


def test_tools_of_the_vendor_pass() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert translated(tools=[search])["tools"] == [search]


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"reasoning_effort": "minimal"},
        {"thinking": 1},
        {"output_config": []},
        {"user": "u", "metadata": "x"},
        {"tool_choice": "any", "tools": [TOOL]},
        {"response_format": {"type": "grammar"}},
    ],
)
def test_wrong_fields(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        translated(**fields)


def test_output_options_are_kept() -> None:
    sent = translated(output_config={"effort": "low", "x": 1}, reasoning_effort="high")
    assert sent["output_config"] == {"effort": "high", "x": 1}
    assert translated(user="u", metadata={"x": 1})["metadata"] == {"x": 1, "user_id": "u"}
    assert translated(thinking={"type": "disabled"})["max_tokens"] == 8192


def test_results_know_errors_and_the_cache() -> None:
    mark = {"type": "ephemeral"}
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": None, "cache_control": mark},
        {"role": "tool", "tool_call_id": "a", "content": "x", "is_error": True},
    ]
    sent = translated(messages=turns)["messages"]
    assert sent[1]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "", "cache_control": mark},
        {"type": "tool_result", "tool_use_id": "a", "content": "x", "is_error": True},
    ]


def test_schemas_are_closed_wherever_they_stand() -> None:
    inner = {"type": "object"}
    schema = {
        "anyOf": [inner, {"type": "string", "default": {"type": "object"}}],
        "properties": {"type": inner, "additionalProperties": True},
        "items": inner,
    }
    shut = {"type": "object", "additionalProperties": False}
    assert closed(schema) == {
        "anyOf": [shut, {"type": "string", "default": {"type": "object"}}],
        "properties": {"type": shut, "additionalProperties": True},
        "items": shut,
    }
    assert closed({"properties": 1}) == {"properties": 1}


@given(conversations())
def test_every_message_arrives_in_its_place(turns: list[dict[str, Any]]) -> None:
    sent = messages_request("m", {"messages": turns})
    Messages.model_validate(sent)
    system = [turn["content"] for turn in turns if turn["role"] in {"system", "developer"}]
    assert sent.get("system", "") == "\n".join(system)
    assert list(said(sent["messages"])) == [
        piece
        for turn in turns
        if turn["role"] not in {"system", "developer"}
        for piece in pieces(turn)
    ]


def said(messages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What Anthropic's messages say, in the same words."""
    out: list[tuple[Any, ...]] = []
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            out.append((message["role"], content))
            continue
        for block in content:
            if block["type"] == "text":
                out.append((message["role"], block["text"]))
            elif block["type"] == "tool_use":
                out.append(("call", block["id"], block["input"]))
            else:
                out.append(("result", block["tool_use_id"], block["content"]))
    return out
