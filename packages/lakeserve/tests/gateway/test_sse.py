"""Events as bytes."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadUpstream, DeadlineExceeded
from lakeserve.gateway.sse import DONE, MAX_EVENT_BYTES, EventSplitter, error_event

EVENTS = 'data: {"a": "ü\\n\\ndata: [DONE]"}\n\ndata: {"b": 2}\n\ndata: [DONE]\n\n'.encode()


def fed(data: bytes, cuts: set[int]) -> tuple[list[bytes], bool]:
    splitter = EventSplitter()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    parts = [splitter.feed(data[a:b]) for a, b in pairwise(edges)]
    return parts, splitter.done


@given(st.sets(st.integers(0, 200)))
def test_whole_events_whatever_the_cuts(cuts: set[int]) -> None:
    parts, done = fed(EVENTS, cuts)
    assert b"".join(parts) == EVENTS
    assert done
    assert all(part.endswith(b"\n\n") for part in parts if part)


@given(st.sets(st.integers(0, 200)))
def test_carriage_returns(cuts: set[int]) -> None:
    parts, done = fed(EVENTS.replace(b"\n", b"\r\n"), cuts)
    assert b"".join(parts) == EVENTS
    assert done


@given(st.sets(st.integers(0, 200)))
def test_only_data_passes(cuts: set[int]) -> None:
    parts, _ = fed(b": ping\n\nevent: x\ndata: {}\nid: 3\n\n\n\nretry: 1\n\n" + DONE, cuts)
    assert b"".join(parts) == b"data: {}\n\n" + DONE


def test_half_an_event_stays() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b'data: 1\n\ndata: {"x') == b"data: 1\n\n"
    assert not splitter.done


def test_an_event_without_end() -> None:
    with pytest.raises(BadUpstream, match="exceeds"):
        EventSplitter().feed(b"data: " + b"x" * MAX_EVENT_BYTES)


def test_the_text_of_a_model_does_not_end_the_stream() -> None:
    splitter = EventSplitter()
    splitter.feed(b'data: {"a": "data: [DONE]"}\n\n')
    assert not splitter.done


def test_error_event() -> None:
    event = error_event(DeadlineExceeded("too slow"))
    assert event.startswith(b"data: {")
    assert event.endswith(b"}\n\n")
    assert orjson.loads(event[6:]) == {
        "error": {"message": "too slow", "type": "DEADLINE_EXCEEDED", "code": "504"},
        "error_code": "DEADLINE_EXCEEDED",
        "message": "too slow",
    }
