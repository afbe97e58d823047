"""Streams of Cohere; the transcripts hold whole ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import WireError
from lakeserve.providers.base import Asked
from lakeserve.providers.cohere_stream import ChatReader
from providers.transcripts import a_target

CHAT = Asked(a_target("cohere"), "chat", {"messages": []})
TEXT = Asked(a_target("cohere"), "completions", {"prompt": "x"})


def test_unknown_events_are_passed_over() -> None:
    reader = ChatReader(CHAT)
    for kind in ("debug", "citation-start", "content-end", "tool-call-end", "new", None):
        assert reader.read({"type": kind}) == b""


def test_a_timeout() -> None:
    with pytest.raises(WireError, match="TIMEOUT") as caught:
        ChatReader(CHAT).read({"type": "message-end", "delta": {"finish_reason": "TIMEOUT"}})
    assert caught.value.status == 504


def test_completions_hold_no_thoughts() -> None:
    delta = {"message": {"content": {"thinking": "hm"}}}
    assert ChatReader(TEXT).read({"type": "content-delta", "delta": delta}) == b""


def test_calls_that_begin_with_arguments() -> None:
    reader = ChatReader(CHAT)
    call = {"id": "1", "function": {"name": "f", "arguments": "{}"}}
    event = {"type": "tool-call-start", "delta": {"message": {"tool_calls": call}}}
    assert b'"arguments":"{}"' in reader.read(event)
    assert reader.read({"type": "tool-call-end"}) == b""
    assert reader.read({"type": "tool-call-delta"}) == b""


loose: st.SearchStrategy[Any] = (
    st.none() | st.integers(0, 9) | st.text(max_size=3) | st.just({}) | st.just({"message": 1})
)
KINDS = [
    "message-start",
    "content-start",
    "content-delta",
    "tool-plan-delta",
    "tool-call-start",
    "tool-call-delta",
    "message-end",
]


@given(st.sampled_from(KINDS), loose)
def test_odd_events_never_break_the_reader(kind: str, delta: Any) -> None:
    ChatReader(CHAT).read({"type": kind, "id": delta, "delta": delta})
