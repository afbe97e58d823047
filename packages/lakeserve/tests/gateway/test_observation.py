"""Sizes of questions and answers, read off their bytes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.gateway.observation import (
    MAX_KEPT_BYTES,
    NOTHING,
    StreamObservation,
    Usage,
    asked_tokens,
    input_characters,
    measure_reply,
    reported_usage,
    text_characters,
)

USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def event(**fields: Any) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def delta(text: str, **fields: Any) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}}], **fields)


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        ({"a": 1, "usage": USAGE}, Usage(7, 5)),
        ({"usage": USAGE, "a": {"b": [1, "}"]}}, Usage(7, 5)),
        ({"usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 3}}}, Usage(7, 5)),
        ({"usage": {"prompt_tokens": 3, "total_tokens": 3}}, Usage(3, 0)),
        ({"usage": {"input_tokens": 3, "output_tokens": 4}}, Usage(3, 4)),
        ({"usage": {"prompt_tokens": 3, "total_tokens": 8}}, Usage(3, 5)),
        ({"usage": USAGE, "choices": [{"usage": {"prompt_tokens": 1}}]}, Usage(7, 5)),
        ({"choices": [{"usage": USAGE}]}, None),
        ({"text": '"usage": {"prompt_tokens": 1}'}, None),
        ({"usage": None}, None),
        ({"usage": {"prompt_tokens": "many"}}, None),
        ({}, None),
    ],
)
def test_reported_usage(body: dict[str, Any], usage: Usage | None) -> None:
    assert reported_usage(orjson.dumps(body)) == usage
    assert reported_usage(orjson.dumps(body, option=orjson.OPT_INDENT_2)) == usage


def test_usage_far_from_the_end() -> None:
    body = orjson.dumps({"usage": USAGE, "data": ["x" * 100] * 1000})
    assert reported_usage(body) == Usage(7, 5)


@given(st.binary())
def test_no_bytes_break_it(data: bytes) -> None:
    reported_usage(data)
    reported_usage(b'{"usage":' + data)
    text_characters(b'"content":"' + data)
    seen = StreamObservation()
    seen.passed(b'data: {"usage":' + data)
    seen.measure(3)


@given(st.lists(st.text(), max_size=5))
def test_characters_of_answers(texts: list[str]) -> None:
    choices = [{"message": {"content": text}} for text in texts]
    size = measure_reply("chat", orjson.dumps({"choices": choices}), 8)
    assert size.output_characters == sum(map(len, texts))
    assert size.input_tokens == 2
    assert size.output_tokens == (sum(map(len, texts)) + 1) // 4


def test_characters_of_questions() -> None:
    parts = [{"type": "text", "text": "abc"}, {"type": "image_url"}, 3]
    messages = [{"content": "äöü"}, {"content": parts}, {"content": None}, {}]
    assert input_characters("chat", {"messages": messages}) == 6
    assert input_characters("chat", {}) == 0
    assert input_characters("completions", {"prompt": "abcd"}) == 4
    assert input_characters("embeddings", {"input": ["ab", "c", [1, 2]]}) == 3
    assert input_characters("embeddings", {"input": 3}) == 0


def test_the_estimate() -> None:
    assert asked_tokens(7, {}) == 2
    assert asked_tokens(7, {"max_tokens": 10}) == 12
    assert asked_tokens(7, {"max_completion_tokens": 10}) == 12
    assert asked_tokens(7, {"max_tokens": "x"}) == 2


def test_embeddings_have_no_text() -> None:
    assert measure_reply("embeddings", b'{"data": []}', 40) == (10, 0, 0)


@pytest.mark.parametrize("between", [b"", event(choices=[], usage=None)])
def test_streams(between: bytes) -> None:
    seen = StreamObservation()
    for part in (
        delta("Hel", usage=None),
        delta('lo "'),
        between,
        event(choices=[], usage=USAGE),
        b"data: [DONE]\n\n",
    ):
        seen.passed(part)
    assert seen.measure(99) == (7, 5, 7)


def test_streams_without_usage() -> None:
    seen = StreamObservation()
    assert seen.measure(40) == NOTHING
    seen.passed(delta("12345678"))
    assert seen.measure(40) == (10, 2, 8)


def test_streams_beyond_the_limit() -> None:
    seen = StreamObservation()
    big = delta("x" * 100_000)
    for _ in range(2 * MAX_KEPT_BYTES // 100_000):
        seen.passed(big)
    seen.passed(event(choices=[], usage=USAGE))
    assert not seen.is_whole
    assert seen.measure(0)[:2] == (7, 5)
    assert len(seen.events) <= MAX_KEPT_BYTES
