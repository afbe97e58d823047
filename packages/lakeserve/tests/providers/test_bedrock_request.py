"""Requests of Bedrock's Converse."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from lakeserve.core.errors import BadRequest
from lakeserve.providers.bedrock_request import REFUSED, converse_request
from providers import bedrock_schema
from providers.conversations import conversations

HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "f"}}
CALLED = [
    {"role": "user", "content": "x"},
    {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
    {"role": "tool", "tool_call_id": "1", "content": "y"},
]


@given(conversations())
def test_any_conversation_is_accepted(turns: list[dict[str, Any]]) -> None:
    request = converse_request("anthropic", {"messages": turns, "tools": [TOOL]})
    assert bedrock_schema.refusal("/model/m/converse", {}, orjson.dumps(request)) is None


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_do_is_named(name: str) -> None:
    with pytest.raises(BadRequest, match=f"'{name}' is not supported"):
        converse_request("amazon", {**HELLO, name: ["x"]})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": 2}, "'n' must be 1"),
        ({"parallel_tool_calls": False}, "'parallel_tool_calls' cannot be false"),
        ({"reasoning_effort": "minimal"}, "'reasoning_effort' must be one of low"),
        ({"top_k": 5}, "'top_k' is not supported .* with models of ai21labs"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "'tool_choice' must be"),
        ({"messages": CALLED, "tools": [TOOL], "tool_choice": "none"}, "cannot be none after"),
    ],
)
def test_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        converse_request("ai21labs", {**HELLO, **fields})


def test_tools_that_must_not_be_called_are_not_named() -> None:
    assert "toolConfig" not in converse_request(
        "amazon", {**HELLO, "tools": [TOOL], "tool_choice": "none"}
    )


def test_fields_of_the_model_are_kept_beside_those_that_are_set() -> None:
    given = {"inferenceConfig": {"a": 1}, "b": 2}
    body = {**HELLO, "top_k": 3, "c": 4, "additionalModelRequestFields": given}
    assert converse_request("amazon", body)["additionalModelRequestFields"] == {
        "inferenceConfig": {"a": 1, "topK": 3},
        "b": 2,
        "c": 4,
    }
    assert given == {"inferenceConfig": {"a": 1}, "b": 2}
