"""Requests to Gemini; the transcripts hold the translations one by one."""

from typing import Any

import pytest
from hypothesis import given
from lakeserve.core.errors import BadRequest
from lakeserve.providers.gemini_request import REFUSED, generate_request
from providers.conversations import conversations, pieces
from providers.gemini_schema import Generate

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "f"}}


def translated(**fields: Any) -> dict[str, Any]:
    return generate_request({**HELLO, **fields})


@pytest.mark.parametrize("name", REFUSED)
def test_parameters_without_counterpart_are_refused_by_name(name: str) -> None:
    with pytest.raises(BadRequest, match=f"'{name}'.*google-cloud-vertex-ai"):
        translated(**{name: "x"})


@pytest.mark.parametrize(
    "fields",
    [
        {"parallel_tool_calls": False},
        {"thinking": 1},
        {"reasoning_effort": "x"},
        {"reasoning_effort": []},
        {"tools": [TOOL], "tool_choice": "any"},
        {"stop": 1},
    ],
)
def test_wrong_fields(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        translated(**fields)


@pytest.mark.parametrize(
    ("fields", "config"),
    [
        ({"thinking": {"type": "disabled"}}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"thinking": {"type": "enabled"}}, {"thinkingConfig": {"includeThoughts": True}}),
        ({"reasoning_effort": "none"}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}),
        ({"generationConfig": {"seed": 1}, "seed": 2, "n": 1}, {"seed": 2, "candidateCount": 1}),
    ],
)
def test_configuration(fields: dict[str, Any], config: dict[str, Any]) -> None:
    assert translated(**fields)["generationConfig"] == config


@pytest.mark.parametrize(
    ("choice", "mode"), [("none", "NONE"), ("auto", "AUTO"), ("required", "ANY")]
)
def test_choices(choice: str, mode: str) -> None:
    sent = translated(tools=[TOOL], tool_choice=choice)
    assert sent["toolConfig"] == {"functionCallingConfig": {"mode": mode}}
    assert "toolConfig" not in translated(tools=[TOOL])
    assert "toolConfig" not in translated(tool_choice=choice)


@given(conversations())
def test_every_message_arrives_in_its_place(turns: list[dict[str, Any]]) -> None:
    sent = generate_request({"messages": turns})
    Generate.model_validate(sent)
    system = [turn["content"] for turn in turns if turn["role"] in {"system", "developer"}]
    assert [
        part["text"] for part in sent.get("systemInstruction", {"parts": []})["parts"]
    ] == system
    told = [
        piece
        for turn in turns
        if turn["role"] not in {"system", "developer"}
        for piece in pieces(turn)
    ]
    assert [
        said(content["role"], part) for content in sent["contents"] for part in content["parts"]
    ] == [without_id(piece) for piece in told]


def said(role: str, part: dict[str, Any]) -> tuple[Any, ...]:
    """What one of Gemini's parts says; its calls have no ids."""
    if "functionCall" in part:
        return ("call", part["functionCall"]["args"])
    if "functionResponse" in part:
        return ("result", result_of(part["functionResponse"]["response"]))
    return ({"model": "assistant"}.get(role, role), part["text"])


def result_of(response: dict[str, Any]) -> Any:
    return response["result"]


def without_id(piece: tuple[Any, ...]) -> tuple[Any, ...]:
    return (piece[0], piece[-1])
