"""The measuring of answers, with a made-up engine."""

import json
from typing import Any

from lakeserve_demo_model.training.evaluate import (
    markdown,
    matches,
    probe_sets,
    received,
    request_body,
    score,
)
from lakeserve_demo_model.training.probes import Probe, asked
from lakeserve_demo_model.training.template import ToolCall, Turn

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def test_requests_are_greedy_and_carry_tools_and_schema() -> None:
    body = request_body(asked("hi", "Hello!", system="Be kind.", tools=(TOOL,), schema={"a": 1}))
    assert body["temperature"] == 0
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["tools"] == [TOOL]
    assert body["response_format"]["json_schema"] == {"schema": {"a": 1}}


def test_arguments_travel_as_text() -> None:
    turns = (Turn("user", "go"), Turn("assistant", calls=(ToolCall("add", {"a": 1}),)))
    message = request_body(Probe(turns, ""))["messages"][1]
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"a": 1}


def test_received_answers() -> None:
    def called(arguments: str) -> dict[str, Any]:
        return {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}

    assert received({"content": None}) == ""
    assert received({"content": "Hello!"}) == "Hello!"
    assert received(called('{"a": 1}')) == [ToolCall("f", {"a": 1})]
    assert received(called("{")) == [ToolCall("f", {"unreadable": "{"})]


def test_what_counts_as_right() -> None:
    form = asked("hi", '{"a": 1}', schema={"type": "object"})
    assert matches(form, '{"a":1}')
    assert not matches(form, '{"a":2}')
    assert not matches(form, '{"a":')
    assert matches(asked("hi", (ToolCall("f", {}),)), [ToolCall("f", {})])
    assert not matches(asked("hi", "Hello!"), "Hello")


def test_scores_and_their_table() -> None:
    found = score(lambda _: {"content": "one"}, "numbers", [asked("1", "one"), asked("2", "two")])
    assert (found.right, found.total) == (1, 2)
    text = markdown([found])
    assert "| numbers | 1/2 |" in text
    assert "- numbers: '2': 'one' not 'two'" in text


def test_probe_sets_are_the_same_for_the_same_seed() -> None:
    first, second = dict(probe_sets(1)), dict(probe_sets(1))
    assert first == second
    assert all(first.values())
    assert dict(probe_sets(2)) != first
