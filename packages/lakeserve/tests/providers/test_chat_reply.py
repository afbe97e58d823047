"""The forms of answers."""

import orjson
import pytest
from lakeserve.core.ids import now_ms
from lakeserve.providers.chat_reply import (
    Origin,
    chunk,
    completion,
    content_of,
    estimated_tokens,
    origin,
    reasoning,
    text_chunk,
    text_completion,
    tool_call,
    usage_beside_cache,
    usage_chunk,
    usage_of,
)

HERE = Origin("i", "m", 7)
THOUGHT = reasoning("hm", signature="s")


def test_an_origin_is_now() -> None:
    assert abs(origin("i", "m").created - now_ms() / 1000) < 2


def test_whole_answers() -> None:
    used = usage_of(1, 2, more=3)
    assert used == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "more": 3}
    chat = orjson.loads(completion(HERE, {"content": "x"}, "stop", used))
    assert chat == {
        "id": "i",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "x"},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": used,
    }
    text = orjson.loads(text_completion(HERE, "x", "length", used))
    assert text["object"] == "text_completion"
    assert text["choices"][0]["text"] == "x"


def test_every_event_has_choices() -> None:
    events = [
        chunk(HERE, {"content": "x"}),
        text_chunk(HERE, "x"),
        usage_chunk("chat.completion.chunk", HERE, usage_of(0, 0)),
    ]
    for event in events:
        assert event.startswith(b"data: ")
        assert event.endswith(b"\n\n")
        assert isinstance(orjson.loads(event[6:])["choices"], list)


@pytest.mark.parametrize(
    ("thoughts", "text", "content"),
    [
        ([], "", None),
        ([], "x", "x"),
        ([THOUGHT], "", [THOUGHT]),
        ([THOUGHT], "x", [THOUGHT, {"type": "text", "text": "x"}]),
    ],
)
def test_content(thoughts: list[dict[str, object]], text: str, content: object) -> None:
    assert content_of(thoughts, text) == content


def test_parts() -> None:
    summary = {"type": "summary_text", "text": "hm", "signature": "s"}
    assert {"type": "reasoning", "summary": [summary]} == THOUGHT
    function = {"name": "f", "arguments": "{}"}
    assert tool_call("c", "f", "{}") == {"id": "c", "type": "function", "function": function}
    assert [estimated_tokens(n) for n in (0, 3, 6, 7)] == [0, 1, 1, 2]


def test_usage_beside_a_cache() -> None:
    plain = usage_beside_cache(3, 2, read=None, written=None)
    assert plain == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    cached = usage_beside_cache(3, 2, read=4, written=5)
    assert (cached["prompt_tokens"], cached["total_tokens"]) == (12, 14)
    assert cached["prompt_tokens_details"] == {"cached_tokens": 4}
    assert (cached["cache_read_input_tokens"], cached["cache_creation_input_tokens"]) == (4, 5)
