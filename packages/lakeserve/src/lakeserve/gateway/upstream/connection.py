"""One connection to an upstream, carrying one exchange at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast

from lakeserve.gateway.upstream.failure import (
    ConnectionCut,
    MalformedReply,
    TimedOut,
    UpstreamFailure,
)
from lakeserve.gateway.upstream.reader import ReplyReader

# A reply is read ahead of its reader by this much at most.
HIGH_WATER_BYTES = 262_144


class Patience(NamedTuple):
    """How long an exchange may take, from sending; None for no limit.

    Attributes:
        first_s: Until the reply begins.
        total_s: Until it is whole.
    """

    first_s: float | None = None
    total_s: float | None = None


Drain = Callable[[], Awaitable[None]]


class Connection(asyncio.Protocol):
    """Sends a request and hands out its reply as it arrives.

    Whoever holds a connection calls ``request`` once, then ``read`` or ``body``, and gives it back
    to the pool, which closes it unless the exchange came to its end.

    Attributes:
        kept: The pool's: where this connection waits for its next exchange.
        idle_since: The pool's: ``time.monotonic()`` when it began to wait.
        answered_at: ``time.perf_counter()`` at the first byte of the reply.
        is_hurried: Whether the exchange has timers.
        on_news: Called once, in the place of what waits for ``news``, when something has changed.
    """

    on_news: Callable[[], None] | None = None
    is_hurried = False

    def __init__(self, on_lost: Callable[["Connection"], None]) -> None:
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._reader = ReplyReader()
        self._transport: asyncio.Transport | None = None
        self._failure: UpstreamFailure | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._write_paused = False
        self._read_paused = False
        self._whole_limit: int | None = None
        self._sink: Callable[[bytes], None] | None = None
        self._first_timer: asyncio.TimerHandle | None = None
        self._total_timer: asyncio.TimerHandle | None = None
        self.kept: list[Connection] = []
        self.idle_since = 0.0
        self.answered_at = 0.0

    @property
    def status(self) -> int:
        """Status of the reply, once ``request`` or ``headers`` returned."""
        return self._reader.status

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Headers of the reply, names in lower case."""
        return self._reader.headers

    @property
    def headed(self) -> bool:
        """Whether the reply's headers are here."""
        return self._reader.headed

    @property
    def close_delimited(self) -> bool:
        """Whether the reply's end cannot be told from a cut connection."""
        return self._reader.close_delimited

    @property
    def is_open(self) -> bool:
        """Whether another request may be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """Whether the exchange came to its end and left the connection fit for another."""
        reader, transport = self._reader, self._transport
        return (
            reader.complete
            and reader.reusable
            and transport is not None
            and not transport.is_closing()
        )

    def hurry(self, patience: Patience) -> None:
        """Let the exchange that begins now fail when it takes longer."""
        self.is_hurried = True
        first, total = patience
        if first is not None:
            text = f"it sent nothing for {first:g} seconds"
            self._first_timer = self._loop.call_later(first, self._time_out, text)
        if total is not None:
            text = f"its answer took longer than {total:g} seconds"
            self._total_timer = self._loop.call_later(total, self._time_out, text)

    def has_begun(self) -> None:
        """What was waited for first is here."""
        if self._first_timer is not None:
            self._first_timer.cancel()
            self._first_timer = None

    def is_over(self) -> None:
        """Nobody waits for the exchange any more."""
        self.is_hurried = False
        if self._first_timer is not None:
            self.has_begun()
        if self._total_timer is not None:
            self._total_timer.cancel()
            self._total_timer = None

    async def request(self, payload: bytes, method: bytes, whole_limit: int | None = None) -> None:
        """Send a request in one piece and wait for the reply.

        Args:
            payload: Head and body.
            method: As in the head.
            whole_limit: When given, wait for the whole reply, of at most this many bytes;
                otherwise for its headers.

        Raises:
            UpstreamFailure: The reply did not come.
        """
        self.ask(payload, method, whole_limit)
        while not self.is_answered:
            await self.news()

    def success(self) -> bytes | None:
        """The body of a reply that is whole and has status 200; it stays here to be read."""
        reader = self._reader
        if not reader.complete or reader.status != 200 or self._failure is not None:
            return None
        chunks = reader.chunks
        return chunks[0] if len(chunks) == 1 else reader.peek()

    @property
    def is_answered(self) -> bool:
        """Whether what ``request`` waits for is here."""
        reader = self._reader
        return reader.complete or (self._whole_limit is None and reader.headed)

    def news(self) -> "asyncio.Future[None]":
        """Done as soon as something has changed. At most one may wait for it.

        Raises:
            UpstreamFailure: There will be no more.
        """
        if self._failure is not None:
            raise self._failure
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def begin(self, method: bytes, whole_limit: int | None = None) -> None:
        """Start an exchange whose request is then written in parts, see ``request``."""
        self._reader.expect(method)
        self._whole_limit = whole_limit

    def ask(self, payload: bytes, method: bytes, whole_limit: int | None) -> None:
        """Send a request in one piece, see ``request``, and wait for nothing."""
        self._reader.expect(method)
        self._whole_limit = whole_limit
        if self._transport is not None and self._failure is None:
            self._transport.write(payload)

    def write(self, data: bytes) -> None:
        """Queue a part of the request."""
        if self._transport is not None and self._failure is None:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the upstream takes more of the request."""
        if self._write_paused and self._failure is None:
            self._drained = self._loop.create_future()
            try:
                await self._drained
            finally:
                self._drained = None

    async def reply(self) -> None:
        """Wait for the headers of the reply.

        Raises:
            UpstreamFailure: It did not come.
        """
        while not self._reader.headed:
            await self.news()

    async def read(self) -> bytes:
        """The next part of the body; empty at its end.

        Raises:
            UpstreamFailure: The body was cut.
        """
        while not self._reader.buffered and not self._reader.complete:
            await self.news()
        data = self._reader.take()
        self._resume_reading()
        return data

    async def pump(self, sink: Callable[[bytes], None], drained: Drain) -> None:
        """Hand each part of the body to ``sink`` as it arrives, without waking a task for it.

        Args:
            sink: Takes a part; calls ``hold`` when it cannot take more for now.
            drained: Waits until it can.

        Raises:
            UpstreamFailure: The body was cut.
        """
        reader = self._reader
        self._sink = sink
        try:
            if reader.buffered:
                sink(reader.take())
            self._resume_reading()
            while not reader.complete:
                await self.news()
                if self._read_paused:
                    await drained()
                    self._resume_reading()
        finally:
            self._sink = None

    def hold(self) -> None:
        """Take no more of the body until whoever pumps it says so."""
        self._pause_reading()
        self._wake()

    async def body(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            MalformedReply: It is longer than ``limit`` bytes.
            UpstreamFailure: It was cut.
        """
        if self._reader.complete and self._reader.buffered <= limit:
            return self._reader.take()
        parts = []
        total = 0
        while part := await self.read():
            total += len(part)
            if total > limit:
                raise _too_long(limit)
            parts.append(part)
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        reader = self._reader
        if not reader.received:
            self.answered_at = time.perf_counter()
        try:
            reader.feed(data)
        except MalformedReply as failure:
            self._fail(failure)
            return
        sink = self._sink
        if sink is not None and reader.buffered:
            chunks, reader.chunks, reader.buffered = reader.chunks, [], 0
            sink(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        if reader.complete:
            self._wake()
            if not reader.reusable and self._transport is not None:
                self._transport.close()
        elif sink is None:
            self._check_progress(reader)

    def _check_progress(self, reader: ReplyReader) -> None:
        """More of a reply is here, but not all."""
        limit = self._whole_limit
        if limit is not None:
            if reader.headed:
                self.has_begun()
            if reader.buffered > limit:
                self._fail(_too_long(limit))
        elif reader.headed:
            self._wake()
            if reader.buffered > HIGH_WATER_BYTES:
                self._pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if not self._reader.complete and self._failure is None:
            try:
                if exc is not None:
                    raise ConnectionCut(
                        "it reset the connection", received=self._reader.received
                    ) from exc
                self._reader.finish()
            except ConnectionCut as failure:
                self._failure = failure
        self._transport = None
        self.resume_writing()
        self._wake()
        self._on_lost(self)

    def pause_writing(self) -> None:
        """The upstream reads too slowly."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """The upstream caught up."""
        self._write_paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _wake(self) -> None:
        on_news = self.on_news
        if on_news is not None:
            self.on_news = None
            on_news()
            return
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _time_out(self, reason: str) -> None:
        self._fail(TimedOut(reason, received=self._reader.received))

    def _fail(self, failure: UpstreamFailure) -> None:
        self._failure = failure
        self.abort()
        self._wake()

    def _pause_reading(self) -> None:
        if not self._read_paused and self._transport is not None:
            self._read_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()


def _too_long(limit: int) -> MalformedReply:
    return MalformedReply(f"its reply is longer than {limit} bytes", received=True)
