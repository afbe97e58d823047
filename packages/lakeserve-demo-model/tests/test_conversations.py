"""Whole conversations and the tools in them."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve_demo_model.training import conversations, sampling, tool_cases
from lakeserve_demo_model.training.template import Conversation, ToolCall

seeds = st.integers(0, 2**32).map(random.Random)

MAKERS = [
    tool_cases.weather,
    tool_cases.clock,
    tool_cases.arithmetic,
    tool_cases.calculator,
    tool_cases.lookup,
    tool_cases.search,
    tool_cases.function_value,
    tool_cases.styled_text,
    tool_cases.new_record,
    tool_cases.joke_form,
    tool_cases.person_form,
]
PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
}


def parameters(conversation: Conversation, name: str) -> dict[str, Any]:
    found = [t["function"] for t in conversation.tools if t["function"]["name"] == name]
    assert len(found) == 1
    schema: dict[str, Any] = found[0]["parameters"]
    return schema


def check_call(conversation: Conversation, call: ToolCall) -> None:
    schema = parameters(conversation, call.name)
    assert set(call.arguments) <= set(schema["properties"])
    for name, value in call.arguments.items():
        wanted = schema["properties"][name]
        assert isinstance(value, PYTHON_TYPES[wanted["type"]])
        assert value in wanted.get("enum", [value])


@given(seeds)
def test_conversations_end_with_something_to_learn(rng: random.Random) -> None:
    conversation = conversations.any_conversation(rng)
    last = conversation.turns[-1]
    assert last.role == "assistant"
    assert last.learn
    assert last.calls or last.content


@given(seeds)
def test_calls_fit_the_tools(rng: random.Random) -> None:
    conversation = conversations.any_conversation(rng)
    for turn in conversation.turns:
        for call in turn.calls:
            check_call(conversation, call)


@given(seeds)
def test_forced_calls_fit_the_tools(rng: random.Random) -> None:
    conversation = conversations.tool_use(rng)
    last = conversation.turns[-1]
    if last.given.startswith('{"name"') and last.content.startswith('{"name": "'):
        answer = json.loads(last.content)
        check_call(conversation, ToolCall(answer["name"], answer["arguments"]))


@given(seeds)
def test_tools_have_names_of_their_own(rng: random.Random) -> None:
    names = [t["function"]["name"] for t in conversations.any_conversation(rng).tools]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("make", MAKERS)
@given(rng=seeds)
def test_cases_name_all_required_arguments(make, rng: random.Random) -> None:  # type: ignore[no-untyped-def]
    case = make(rng)
    assert set(case.properties) - set(case.optional) <= set(case.arguments)
    function = case.definition(rng)["function"]
    assert function["name"] == case.name
    assert set(function["parameters"].get("required", ())) <= set(case.arguments)


@pytest.mark.parametrize("make", [tool_cases.weather, tool_cases.lookup, tool_cases.new_record])
@given(rng=seeds)
def test_copied_arguments_stand_in_the_question(make, rng: random.Random) -> None:  # type: ignore[no-untyped-def]
    case = make(rng)
    for value in case.arguments.values():
        assert value in case.question


def test_the_same_seed_gives_the_same_conversations() -> None:
    first, second = random.Random(3), random.Random(3)
    assert [conversations.any_conversation(first) for _ in range(50)] == [
        conversations.any_conversation(second) for _ in range(50)
    ]


def test_all_kinds_of_conversations_occur() -> None:
    rng = random.Random(5)
    drawn = [conversations.any_conversation(rng) for _ in range(2000)]
    with_tools = sum(bool(c.tools) for c in drawn) / len(drawn)
    assert with_tools == pytest.approx(conversations.TOOL_CONVERSATION_SHARE, abs=0.05)
    assert any(len(c.tools) > 1 for c in drawn)
    assert any(len(t.calls) == 2 for c in drawn for t in c.turns)
    assert any(t.content.startswith("Error: ") for c in drawn for t in c.turns if t.role == "tool")
    assert any(t.given for c in drawn for t in c.turns)
    assert any(not t.learn for c in drawn for t in c.turns if t.role == "assistant")


@given(seeds)
def test_made_up_words_hold_no_markup(rng: random.Random) -> None:
    for make in (sampling.label, sampling.city, sampling.phrase, sampling.system_prompt):
        assert "<|" not in make(rng)
    assert not sampling.foreign_word(rng).isascii()
