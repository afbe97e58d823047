from typing import Any

from lakeserve.workers.serve.chat_choice import ChatChoice, ChoiceRecord
from lakeserve.workers.serve.events import Event, TokenLogprob
from lakeserve.workers.serve.tools import ToolUse

FREE = ToolUse()
FORCED = ToolUse(forced=("f",))


def call(index: int, name: str | None = None, arguments: str = "") -> dict[str, Any]:
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    start = {} if name is None else {"id": "raw", "type": "function"}
    return {"index": index, **start, "function": function}


def run(
    events: list[Event], use: ToolUse = FREE, top: int | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    choice, record = ChatChoice(0, use, top), ChoiceRecord(0)
    chunks = [chunk for event in events for chunk in choice.feed(event)]
    for chunk in chunks:
        record.add(chunk)
    return chunks, record.choice()


def test_the_first_chunk_carries_the_role_and_the_last_the_reason() -> None:
    chunks, whole = run([Event(prompt_tokens=3), Event(text="a"), Event(finish_reason="stop")])
    assert [chunk["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": ""},
        {"content": "a"},
        {},
    ]
    assert [chunk["finish_reason"] for chunk in chunks] == [None, None, "stop"]
    assert whole["message"] == {"role": "assistant", "content": "a"}


def test_an_empty_answer_still_has_a_role() -> None:
    chunks, whole = run([Event(finish_reason="length")])
    assert chunks[0]["delta"]["role"] == "assistant"
    assert whole == {
        "index": 0,
        "message": {"role": "assistant", "content": ""},
        "logprobs": None,
        "finish_reason": "length",
    }


def test_tool_calls_get_documented_ids_null_content_and_their_reason() -> None:
    events = [
        Event(tool_calls=(call(0, "f"),)),
        Event(tool_calls=(call(0, None, '{"a"'),)),
        Event(tool_calls=(call(0, None, ":1}"),)),
        Event(tool_calls=(call(1, "g", "{}"),)),
        Event(finish_reason="stop"),
    ]
    chunks, whole = run(events)
    assert chunks[0]["delta"] == {"role": "assistant", "content": None}
    first = chunks[1]["delta"]["tool_calls"][0]
    assert first["id"].startswith("call_")
    assert len(first["id"]) == len("call_") + 24
    assert chunks[2]["delta"]["tool_calls"] == [{"index": 0, "function": {"arguments": '{"a"'}}]
    message = whole["message"]
    assert message["content"] is None
    assert [item["function"] for item in message["tool_calls"]] == [
        {"name": "f", "arguments": '{"a":1}'},
        {"name": "g", "arguments": "{}"},
    ]
    assert "index" not in message["tool_calls"][0]
    assert whole["finish_reason"] == "tool_calls"


def test_text_before_a_call_is_kept() -> None:
    _, whole = run([Event(text="Let me see."), Event(tool_calls=(call(0, "f", "{}"),))])
    assert whole["message"]["content"] == "Let me see."


def test_without_parallel_calls_only_the_first_is_kept() -> None:
    events = [Event(tool_calls=(call(0, "f", "{}"),)), Event(tool_calls=(call(1, "g", "{}"),))]
    _, whole = run(events, ToolUse(parallel=False))
    assert [item["function"]["name"] for item in whole["message"]["tool_calls"]] == ["f"]


def test_a_forced_call_becomes_a_tool_call() -> None:
    events = [
        Event(text='{"name": "f", '),
        Event(text='"arguments": {"a"'),
        Event(text=": 1}"),
        Event(text="}"),
        Event(finish_reason="stop"),
    ]
    chunks, whole = run(events, FORCED)
    assert whole["message"]["content"] is None
    assert whole["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": 1}'}
    assert whole["finish_reason"] == "tool_calls"
    assert not any(chunk["delta"].get("content") for chunk in chunks)


def test_a_forced_call_that_is_cut_says_so() -> None:
    events = [Event(text='{"name": "f", "arguments": {"a'), Event(finish_reason="length")]
    _, whole = run(events, FORCED)
    assert whole["finish_reason"] == "length"


def test_reasoning_has_its_own_field() -> None:
    _, whole = run([Event(reasoning="hm"), Event(text="a")])
    assert whole["message"]["reasoning_content"] == "hm"


def logprob(token: str) -> TokenLogprob:
    others = tuple(TokenLogprob(t, list(t.encode()), -2.0) for t in "xyz")
    return TokenLogprob(token, list(token.encode()), -0.5, others)


def test_log_probabilities_are_cut_to_what_was_asked_for() -> None:
    _, whole = run([Event(text="a", logprobs=(logprob("a"),))], top=2)
    (entry,) = whole["logprobs"]["content"]
    assert entry["token"] == "a"
    assert entry["bytes"] == [97]
    assert [other["token"] for other in entry["top_logprobs"]] == ["x", "y"]
    assert "top" not in entry


def test_log_probabilities_without_alternatives() -> None:
    _, whole = run([Event(text="a", logprobs=(logprob("a"),))], top=0)
    assert whole["logprobs"]["content"][0]["top_logprobs"] == []


def test_log_probabilities_of_held_back_text_come_later() -> None:
    events = [
        Event(text='{"name": ', logprobs=(logprob("1"),)),
        Event(text='"f", "arguments": {', logprobs=(logprob("2"),)),
        Event(text="}}", logprobs=(logprob("3"),)),
        Event(finish_reason="stop"),
    ]
    chunks, whole = run(events, FORCED, top=0)
    assert [entry["token"] for entry in whole["logprobs"]["content"]] == ["1", "2", "3"]
    assert chunks[0]["logprobs"] is None


def test_unasked_log_probabilities_are_null() -> None:
    chunks, _ = run([Event(text="a", logprobs=(logprob("a"),))])
    assert {chunk["logprobs"] for chunk in chunks} == {None}
