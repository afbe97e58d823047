"""Streams put together into one answer."""

import orjson
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.gateway.stream_reply import whole_of_stream


def events(*values: object) -> bytes:
    return b"".join(b"data: " + orjson.dumps(v) + b"\n\n" for v in values) + b"data: [DONE]\n\n"


def test_chat() -> None:
    def call(**function: str) -> dict[str, object]:
        return {"index": 0, "function": function}

    stream = events(
        {
            "id": "1",
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}],
        },
        {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"id": "c", **call(name="f")}]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [call(arguments='{"a":')]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [call(arguments="1}")]}}]},
        {"choices": [{"index": 1, "delta": {"content": "other"}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
    )
    assert orjson.loads(whole_of_stream("chat", stream)) == {
        "id": "1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hello",
                    "tool_calls": [
                        {
                            "id": "c",
                            "index": 0,
                            "function": {"name": "f", "arguments": '{"a":1}'},
                        }
                    ],
                },
                "finish_reason": "stop",
            },
            {"index": 1, "message": {"content": "other"}},
        ],
        "usage": {"prompt_tokens": 1},
    }


def test_completions() -> None:
    stream = events(*({"choices": [{"index": 0, "text": text}]} for text in "abc"))
    assert orjson.loads(whole_of_stream("completions", stream)) == {
        "object": "text_completion",
        "choices": [{"index": 0, "text": "abc"}],
    }


def test_a_stream_that_failed_keeps_its_error() -> None:
    stream = events({"choices": []}, {"error": {"message": "no"}})
    assert orjson.loads(whole_of_stream("chat", stream))["error"] == {"message": "no"}


json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "index", "content", "tool_calls", "x"]), inner
        )
    ),
)


@given(st.lists(json, max_size=5))
def test_no_events_break_it(values: list[object]) -> None:
    assert isinstance(orjson.loads(whole_of_stream("chat", events(*values))), dict)


def test_events_nested_too_deep() -> None:
    deep = b'data: {"x": ' + b"[" * 400 + b"]" * 400 + b"}\n\n"
    assert whole_of_stream("chat", deep) == deep
