"""Completions by models that chat."""

import orjson
import pytest
from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.providers.text_over_chat import TextReader, chat_body, text_reply


@pytest.mark.parametrize(
    ("field", "value"), [("best_of", 2), ("echo", True), ("logprobs", 1), ("suffix", "x")]
)
def test_what_a_chat_cannot_do_is_named(field: str, value: object) -> None:
    with pytest.raises(BadRequest, match=f"'{field}' is not supported by provider 'p'"):
        chat_body({"prompt": "x", field: value}, "p")


def test_the_prompt_is_a_message() -> None:
    assert chat_body({"prompt": ["x"], "stop": "y", "echo": False}, "p") == {
        "messages": [{"role": "user", "content": "x"}],
        "stop": "y",
    }
    with pytest.raises(BadRequest, match="'prompt'"):
        chat_body({"prompt": ["a", "b"]}, "p")


def test_only_the_text_comes_back() -> None:
    content = [{"type": "reasoning", "summary": []}, {"type": "text", "text": "x"}]
    choice = {"index": 0, "message": {"content": content}, "finish_reason": "stop"}
    value = orjson.loads(text_reply(orjson.dumps({"id": "1", "choices": [choice]}), "p"))
    assert value == {
        "id": "1",
        "object": "text_completion",
        "choices": [{"index": 0, "text": "x", "finish_reason": "stop", "logprobs": None}],
    }
    with pytest.raises(BadUpstream):
        text_reply(b"1", "p")
    with pytest.raises(BadUpstream, match="too deep"):
        text_reply(b'{"a":' * 300 + b"1" + b"}" * 300, "p")


def test_events_without_text_are_none() -> None:
    reader = TextReader()
    assert reader.read({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}) == b""
    assert b'"usage":1' in reader.read({"choices": [], "usage": 1})
    assert reader.end() == b""
