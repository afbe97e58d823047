"""What a caller may ask, field by field."""

from typing import Any

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat
from lakeserve.providers.chat_request import Message, Part


def message(**value: Any) -> Message:
    return Message("messages[0]", "assistant", value)


def part(**value: Any) -> Part:
    return Part("p", value.get("type", "text"), value)


def test_refused_parameters_are_named() -> None:
    with pytest.raises(BadRequest, match=r"'seed' is not supported by provider 'x'"):
        chat.refuse({"seed": 1}, ("logprobs", "seed"), "x")
    for value in (1, {"a": 1}, True, 0.5):
        with pytest.raises(BadRequest, match="logit_bias"):
            chat.refuse({"logit_bias": value}, ("logit_bias",), "x")


def test_parameters_that_change_nothing_pass() -> None:
    body = {**chat.NEUTRAL, "seed": None}
    chat.refuse(body, tuple(body), "x")


@pytest.mark.parametrize("n", [None, 1])
def test_one_answer(n: int | None) -> None:
    chat.one_answer({"n": n}, "x")
    chat.one_answer({}, "x")


@pytest.mark.parametrize("n", [0, 2, "1", [1], {}])
def test_several_answers(n: object) -> None:
    with pytest.raises(BadRequest, match="'n' must be 1"):
        chat.one_answer({"n": n}, "x")


@pytest.mark.parametrize(
    ("stop", "stops"), [(None, []), ("a", ["a"]), ([], []), (["a", "b"], ["a", "b"])]
)
def test_stops(stop: object, stops: list[str]) -> None:
    assert chat.stops({"stop": stop}) == stops


@pytest.mark.parametrize("stop", [1, [1], {}])
def test_wrong_stops(stop: object) -> None:
    with pytest.raises(BadRequest, match="'stop'"):
        chat.stops({"stop": stop})


def test_limits() -> None:
    assert chat.token_limit({}) is None
    assert chat.token_limit({"max_tokens": 1}) == 1
    assert chat.token_limit({"max_tokens": 1, "max_completion_tokens": 2}) == 2


@pytest.mark.parametrize("role", [None, "function", 1, ["user"]])
def test_roles(role: object) -> None:
    with pytest.raises(BadRequest, match=r"'messages\[1\].role' must be one of system"):
        list(chat.messages({"messages": [{"role": "user"}, {"role": role}]}))


def test_parts() -> None:
    assert chat.parts(message()) == []
    assert chat.parts(message(content=None)) == []
    (one,) = chat.parts(message(content="x"))
    assert chat.text(one) == "x"
    both = chat.parts(message(content=["x", {"type": "refusal", "refusal": "y"}]))
    assert [chat.text(each) for each in both] == ["x", "y"]
    assert both[1].where == "messages[0].content[1]"


@pytest.mark.parametrize("content", [1, {}, [1], [{}], [{"type": 1}]])
def test_wrong_parts(content: object) -> None:
    with pytest.raises(BadRequest, match=r"messages\[0\].content"):
        chat.parts(message(content=content))


def test_text_must_be_text() -> None:
    with pytest.raises(BadRequest, match=r"'p.text'"):
        chat.text(part(type="text"))
    error = chat.unsupported(part(type="input_audio"), "user", "x")
    assert "'input_audio' in user messages" in str(error)


def test_addresses() -> None:
    assert chat.address(part(image_url={"url": "u"})) == "u"
    assert chat.address(part(image_url="u")) == "u"
    for wrong in (None, {}, {"url": 1}):
        with pytest.raises(BadRequest, match="image_url"):
            chat.address(part(image_url=wrong))


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("data:image/png;base64,AA=", ("image/png", "AA=")),
        ("DATA:image/png;name=x;base64,AA", ("image/png", "AA")),
        ("data:image/png,AA", None),
        ("https://x/y,z;base64,", None),
        ("data:image/png;base64", None),
        ("", None),
    ],
)
def test_data_addresses(url: str, inside: tuple[str, str] | None) -> None:
    assert chat.embedded(url) == inside


def test_thoughts() -> None:
    summary = [{"text": "a", "signature": "s"}, {"text": "b"}, {"text": 1}, 2]
    assert chat.thoughts(part(summary=summary)) == [("a", "s"), ("b", None)]
    assert chat.thoughts(part(summary=None)) == []


def test_tool_calls() -> None:
    function = {"name": "f", "arguments": '{"a": 1}'}
    calls = [
        {"id": "1", "function": function},
        {"id": "2", "function": {"name": "g"}},
        {"id": "3", "function": {"name": "h", "arguments": {"b": 2}}},
    ]
    assert chat.tool_calls(message(tool_calls=calls)) == [
        ("1", "f", {"a": 1}),
        ("2", "g", {}),
        ("3", "h", {"b": 2}),
    ]
    assert chat.tool_calls(message(tool_calls=None)) == []


@pytest.mark.parametrize(
    "calls",
    [
        {},
        [1],
        [{"id": "1"}],
        [{"function": {"name": "f"}}],
        [{"id": "1", "function": {"name": "f", "arguments": "{"}}],
        [{"id": "1", "function": {"name": "f", "arguments": "[]"}}],
    ],
)
def test_wrong_tool_calls(calls: object) -> None:
    with pytest.raises(BadRequest, match=r"messages\[0\].tool_calls"):
        chat.tool_calls(message(tool_calls=calls))


def test_results_name_their_call() -> None:
    assert chat.tool_call_id(message(tool_call_id="1")) == "1"
    for wrong in ("", None, 1):
        with pytest.raises(BadRequest, match="tool_call_id"):
            chat.tool_call_id(message(tool_call_id=wrong))


def test_functions() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    functions, others = chat.functions({"tools": [tool, {"type": "search"}]})
    assert functions == [("f", {"name": "f"}, tool)]
    assert others == [{"type": "search"}]
    assert chat.functions({}) == ([], [])


@pytest.mark.parametrize("tools", [{}, [1], [{"type": "function"}]])
def test_wrong_functions(tools: object) -> None:
    with pytest.raises(BadRequest, match="tools"):
        chat.functions({"tools": tools})


def test_chosen_functions() -> None:
    assert chat.chosen_function({"type": "function", "function": {"name": "f"}}) == "f"
    for wrong in ("any", {}, {"function": 1}, 1):
        with pytest.raises(BadRequest, match="tool_choice"):
            chat.chosen_function(wrong)


def test_schemas() -> None:
    form = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    assert chat.answer_schema({"response_format": form}) == ("json_schema", {"type": "object"})
    assert chat.answer_schema({}) == ("text", {})
    assert chat.answer_schema({"response_format": {"type": "text"}}) == ("text", {})
    for wrong in (1, {}, {"type": "x"}, {"type": "json_schema"}):
        with pytest.raises(BadRequest, match="response_format"):
            chat.answer_schema({"response_format": wrong})
