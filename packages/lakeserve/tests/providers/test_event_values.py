"""Streams of JSON, however split."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadUpstream
from lakeserve.providers.event_values import EventValues
from providers.transcripts import translated


class Echo:
    def __init__(self) -> None:
        self.done = False

    def read(self, event: dict[str, Any]) -> bytes:
        if event.get("fail"):
            raise BadUpstream("it failed")
        self.done = bool(event.get("last"))
        return b"data: " + orjson.dumps(event) + b"\n\n"


def translator() -> EventValues:
    return EventValues("x", Echo())


def written(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: e\r\ndata: " + orjson.dumps(e) + b"\r\n\r\n" for e in events)


@given(
    st.lists(st.dictionaries(st.text(), st.text() | st.integers(0, 9)), max_size=5),
    st.lists(st.integers(1, 40), max_size=20),
)
def test_any_split_gives_the_same_events(events: list[dict[str, Any]], cuts: list[int]) -> None:
    data = written(*events, {"last": True})
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    one, other = translator(), translator()
    assert translated(one, [data]) == translated(other, [*pieces, rest])
    assert one.done
    assert other.done


def test_nothing_follows_the_end() -> None:
    one = translator()
    out = one.feed(written({"last": True}).replace(b"\r", b"") + b"data: {\n\n")
    assert out == b'data: {"last":true}\n\n'
    assert one.feed(b'data: {"a":1}\n\n') == b""
    assert one.failure is None


def test_what_precedes_a_failure_is_kept() -> None:
    one = translator()
    assert one.feed(b'data: {"a":1}\n\ndata: {"fail":1}\n\n') == b'data: {"a":1}\n\n'
    assert str(one.failure) == "it failed"
    assert one.feed(b'data: {"b":1}\n\n') == b""
    assert not one.done


def test_events_that_are_no_object() -> None:
    for data in (b"{", b"[]", b"1", b"\xff"):
        one = translator()
        assert one.feed(b"data: " + data + b"\n\n") == b""
        assert isinstance(one.failure, BadUpstream)


def test_other_lines_end_marks_and_several_lines() -> None:
    one = translator()
    assert one.feed(b": hi\nevent: x\n\ndata: [DONE]\n\n\n\n") == b""
    assert one.feed(b'data: {"a":\ndata: 1}\n\n') == b'data: {"a":1}\n\n'
