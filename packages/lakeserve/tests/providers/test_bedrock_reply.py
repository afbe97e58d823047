"""Replies of Bedrock's Converse."""

from typing import Any

import orjson
import pytest
from lakeserve.core.errors import BadUpstream, TooManyRequests, WireError
from lakeserve.providers.base import Asked
from lakeserve.providers.bedrock_reply import ConverseReader, chat_completion, finish_reason
from providers.transcripts import a_target

ASKED = Asked(a_target("amazon-bedrock"), "chat", {})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("end_turn", "stop"),
        ("model_context_window_exceeded", "length"),
        ("content_filtered", "content_filter"),
        ("tool_use", "tool_calls"),
        ("malformed_tool_use", "stop"),
        (None, "stop"),
        ({}, "stop"),
    ],
)
def test_reasons(given: object, reason: str) -> None:
    assert finish_reason(given) == reason


@pytest.mark.parametrize("reply", [b"{}", b'{"output":{"message":{"content":[{"text":1}]}}}'])
def test_odd_replies_are_answers_still(reply: bytes) -> None:
    choice = orjson.loads(chat_completion(ASKED, reply))["choices"][0]
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "stop"


def test_what_is_no_reply() -> None:
    with pytest.raises(BadUpstream):
        chat_completion(ASKED, b"[]")


@pytest.mark.parametrize(
    "event",
    [
        {"contentBlockStart": {"start": {"image": {}}}},
        {"contentBlockDelta": {"delta": {"citation": {}}}},
        {"contentBlockStop": {}},
        {"somethingNew": {}},
    ],
)
def test_events_that_say_nothing(event: dict[str, Any]) -> None:
    assert ConverseReader(ASKED).read(event) == b""


def test_exceptions() -> None:
    with pytest.raises(TooManyRequests, match="slow"):
        ConverseReader(ASKED).read({"throttlingException": {"message": "slow"}})
    with pytest.raises(WireError) as caught:
        ConverseReader(ASKED).read({"newException": {}})
    assert caught.value.status == 502
