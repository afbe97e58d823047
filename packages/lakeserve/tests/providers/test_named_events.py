"""Streams that pass as they are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadUpstream
from lakeserve.providers.named_events import MAX_EVENT_BYTES, MESSAGES_END, NamedEvents

STREAM = (
    b'event: ping\ndata: {"type": "ping"}\n\n: comment\n\n'
    b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
)


@given(st.data())
def test_any_split_gives_the_same_events(data: st.DataObject) -> None:
    stream = STREAM.replace(b"\n", data.draw(st.sampled_from([b"\n", b"\r\n"])))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=20)))
    events = NamedEvents(MESSAGES_END)
    parts = [events.feed(stream[a:b]) for a, b in pairwise([0, *cuts, len(stream)])]
    assert b"".join(parts) == STREAM
    assert events.done
    assert all(part.endswith(b"\n\n") for part in parts if part)


def test_only_the_last_event_is_the_end() -> None:
    events = NamedEvents(MESSAGES_END)
    events.feed(STREAM[:-1])
    assert not events.done
    other = NamedEvents()
    other.feed(STREAM)
    assert not other.done


def test_an_event_that_does_not_end() -> None:
    with pytest.raises(BadUpstream, match="exceeds"):
        NamedEvents().feed(b"x" * (MAX_EVENT_BYTES + 1))
