"""Chunks of a chat, translated further."""

from typing import Any

from lakeserve.core.errors import BadUpstream
from lakeserve.providers.chained_events import ChainedEvents
from lakeserve.providers.event_values import EventValues

DONE = b"data: [DONE]\n\n"


class Numbers:
    """Writes down what it reads; ends after ``last``."""

    def __init__(self) -> None:
        self.done = False

    def read(self, event: dict[str, Any]) -> bytes:
        if event.get("fails"):
            raise BadUpstream("failed")
        self.done = bool(event.get("last"))
        return b"%d " % event["n"]

    def end(self) -> bytes:
        return b"end"


def test_chunks_as_they_are_end_with_the_mark_or_the_reader() -> None:
    one = ChainedEvents("p", None, Numbers())
    assert one.feed(b'data: {"n":1}\n\n') == b"1 "
    is_done = one.done
    assert one.feed(b'data: {"n":2}\n\n' + DONE) == b"2 end"
    assert (is_done, one.done) == (False, True)
    assert one.feed(b'data: {"n":3}\n\n') == b""
    other = ChainedEvents("p", None, Numbers())
    assert other.feed(b'data: {"n":1,"last":true}\n\n') == b"1 end"


class Doubled:
    """Makes two chunks of an event."""

    def __init__(self) -> None:
        self.done = False

    def read(self, event: dict[str, Any]) -> bytes:
        if event.get("fails"):
            raise BadUpstream("the first failed")
        self.done = bool(event.get("last"))
        return b'data: {"n":1}\n\ndata: {"n":2}\n\n'


def test_chunks_of_another_translator() -> None:
    one = ChainedEvents("p", EventValues("p", Doubled()), Numbers())
    assert one.feed(b'data: {"a":1}\n\n') == b"1 2 "
    assert one.feed(b'data: {"last":true}\n\n') == b"1 2 end"
    assert (one.done, one.failure) == (True, None)


def test_failures_of_either() -> None:
    one = ChainedEvents("p", EventValues("p", Doubled()), Numbers())
    assert one.feed(b'data: {"a":1}\n\ndata: {"fails":true}\n\n') == b"1 2 "
    assert str(one.failure) == "the first failed"
    other = ChainedEvents("p", None, Numbers())
    assert other.feed(b'data: {"n":1}\n\ndata: {"fails":true}\n\n' + DONE) == b"1 "
    assert str(other.failure) == "failed"
    assert not other.done
