"""Events of an upstream, read to their end."""

from typing import cast

import pytest
from gateway.stage import target
from lakeserve.core.errors import BadUpstream, TooManyRequests, WireError
from lakeserve.gateway.events import EventSource
from lakeserve.gateway.sse import EventSplitter
from lakeserve.gateway.upstream.connection import Connection
from lakeserve.gateway.upstream.failure import ConnectionCut
from lakeserve.providers.base import EventTranslator

DONE = b"data: [DONE]\n\n"


class Parts:
    """A connection that has these parts, then ends or is cut."""

    def __init__(self, *parts: bytes, close_delimited: bool = False, is_cut: bool = False) -> None:
        self.parts = list(parts)
        self.close_delimited = close_delimited
        self.is_cut = is_cut

    async def read(self) -> bytes:
        if self.parts:
            return self.parts.pop(0)
        if self.is_cut:
            raise ConnectionCut("it closed the connection", received=True)
        return b""


class Louder:
    """Translates events into capitals; fails at ``fail``."""

    def __init__(self) -> None:
        self.done = False
        self.failure: WireError | None = None

    def feed(self, events: bytes) -> bytes:
        if b"fail" in events:
            self.failure = TooManyRequests("no")
            return events.partition(b"data: fail")[0].upper()
        self.done = b"over" in events
        return b"" if b"quiet" in events else events.upper()


def source(connection: Parts, translator: EventTranslator | None = None) -> EventSource:
    return EventSource(cast(Connection, connection), target("e", None), EventSplitter(), translator)


async def read_all(events: EventSource) -> list[bytes]:
    parts = []
    while part := await events.read():
        parts.append(part)
    return [*parts, events.tail]


async def test_whole_events_only() -> None:
    parts = Parts(b"data: 1\n", b"\ndata: 2\n\nda", b"ta: 3\n\n", DONE)
    assert await read_all(source(parts)) == [
        b"data: 1\n\ndata: 2\n\n",
        b"data: 3\n\n",
        DONE,
        b"",
    ]


async def test_the_end_mark() -> None:
    assert await read_all(source(Parts(b"data: 1\n\n"))) == [b"data: 1\n\n", DONE]
    assert await read_all(source(Parts(b"data: 1\n\n", DONE, is_cut=True))) == [
        b"data: 1\n\n",
        DONE,
        b"",
    ]
    with pytest.raises(BadUpstream, match="ended its stream early"):
        await read_all(source(Parts(b"data: 1\n\n", close_delimited=True)))
    with pytest.raises(ConnectionCut):
        await read_all(source(Parts(b"data: 1\n\n", is_cut=True)))


async def test_translation() -> None:
    parts = Parts(b"data: a\n\n", b"data: quiet\n\n", b"data: over\n\n", is_cut=True)
    assert await read_all(source(parts, Louder())) == [b"DATA: A\n\n", b"DATA: OVER\n\n", DONE]
    with pytest.raises(BadUpstream, match="ended its stream early"):
        await read_all(source(Parts(b"data: a\n\n"), Louder()))


async def test_a_failure_comes_after_what_preceded_it() -> None:
    events = source(Parts(b"data: a\n\ndata: fail\n\n"), Louder())
    assert await events.read() == b"DATA: A\n\n"
    for _ in range(2):
        with pytest.raises(TooManyRequests):
            await events.read()
