import json
from typing import Any

import pytest
from gateway.guardrails.stand_in import Sevens
from lakeserve.gateway.guardrails.event_texts import EventTexts, Kept
from lakeserve.gateway.guardrails.window import MaskingWindow

FINDER = Sevens()


def masking() -> EventTexts:
    return EventTexts(lambda: MaskingWindow(FINDER.find), lambda text: text.replace("7", "#"))


def events(*values: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "choices": [choice], **more}


def values(data: bytes) -> list[Any]:
    return [json.loads(line[6:]) for line in data.split(b"\n") if line]


def deltas(data: bytes) -> list[Any]:
    return [value["choices"][0]["delta"] for value in values(data)]


def test_text_is_masked_across_events() -> None:
    stream = masking()
    first = stream.feed(events(chunk({"role": "assistant", "content": "one two "})))
    assert deltas(first) == [{"role": "assistant", "content": "one two"}]
    assert stream.feed(events(chunk({"content": "77"}), chunk({"content": "7 th"}))) == b""
    last = values(stream.feed(events(chunk({"content": "ree"}), chunk({}, "stop"))))
    assert last == [chunk({"content": " <US_SSN> three"}), chunk({}, "stop")]
    usage = {"id": "1", "choices": [], "usage": {"prompt_tokens": 1}}
    assert values(stream.feed(events(usage))) == [usage]
    assert stream.close() == b""


def test_the_rest_leaves_at_the_end() -> None:
    stream = masking()
    assert stream.feed(events(chunk({"content": "77"}))) == b""
    assert values(stream.close()) == [chunk({"content": "<US_SSN>"})]


def test_arguments_leave_whole() -> None:
    stream = masking()
    head = {"index": 1, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert deltas(stream.feed(events(chunk({"tool_calls": [head]})))) == [{"tool_calls": [head]}]
    for part in ('{"a": "7', '77"}'):
        call = {"index": 1, "function": {"arguments": part}}
        (delta,) = deltas(stream.feed(events(chunk({"tool_calls": [call]}))))
        assert delta["tool_calls"][0]["function"]["arguments"] == ""
    last = deltas(stream.feed(events(chunk({}, "tool_calls"))))
    arguments = {"index": 1, "function": {"arguments": '{"a":"###"}'}}
    assert last == [{"tool_calls": [arguments]}, {}]


def test_legacy_calls() -> None:
    stream = masking()
    stream.feed(events(chunk({"function_call": {"name": "f", "arguments": "7"}})))
    assert deltas(stream.close()) == [{"function_call": {"arguments": '"#"'}}]


def test_contents_that_are_lists() -> None:
    stream = masking()
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "77"}]}
    said = {"type": "text", "text": "77"}
    passed = deltas(stream.feed(events(chunk({"content": [thought]}), chunk({"content": [said]}))))
    assert "7" not in json.dumps(passed)
    thought["summary"] = [{"type": "summary_text", "text": "<US_SSN>"}]
    assert deltas(stream.close()) == [
        {"content": [thought]},
        {"content": [{"type": "text", "text": "<US_SSN>"}]},
    ]


def test_completions_and_several_choices() -> None:
    stream = masking()
    parts = [{"index": index, "text": text} for index, text in ((0, "7"), (1, "a "), (0, "7"))]
    passed = b"".join(stream.feed(events({"choices": [part]})) for part in parts)
    assert [value["choices"] for value in values(passed)] == [[{"index": 1, "text": "a"}]]
    assert [value["choices"][0]["text"] for value in values(stream.close())] == ["<US_SSN>", " "]


def test_what_cannot_be_read_does_not_leave() -> None:
    stream = masking()
    choice = {"index": 0, "delta": {"audio": {"data": "x"}, "content": "a "}, "logprobs": {"x": 1}}
    (value,) = values(stream.feed(events({"choices": [choice]})))
    assert value["choices"] == [{"index": 0, "delta": {"content": "a"}}]
    assert stream.feed(b"data: [DONE]\n\ndata: 1\n\n") == b""


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": [1]},
        {"choices": [{"delta": 1, "index": "x"}]},
        {"choices": [{"delta": {"tool_calls": [1, {"function": 1}], "content": [1]}}]},
        {"choices": [{"delta": {"content": [{"type": "text"}, {"summary": [1]}]}}]},
    ],
)
def test_odd_events_do_no_harm(odd: dict[str, Any]) -> None:
    stream = masking()
    stream.feed(events(odd))
    stream.close()


def test_an_error_passes() -> None:
    error = {"error": {"message": "m"}, "error_code": "INTERNAL_ERROR", "message": "m"}
    assert values(masking().feed(events(error))) == [error]


def test_reading() -> None:
    arguments: list[str] = []

    def keep(text: str) -> str:
        arguments.append(text)
        return text

    reader = EventTexts(Kept, keep)
    call = {"index": 0, "function": {"arguments": '{"a": "b"}'}}
    given = events(chunk({"content": "a"}), chunk({"content": "b", "tool_calls": [call]}))
    reader.feed(given)
    reader.close()
    kept = [passage.text for passage in reader.passages.values() if isinstance(passage, Kept)]
    assert (kept, arguments) == (["ab"], ["b"])
