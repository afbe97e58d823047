"""A call that came by the short cut: its request, the way back, and what can end it early."""

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from typing import Protocol

from lakeserve.core.errors import DeadlineExceeded
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.answer_head import header_lines, start_lines
from lakeserve.gateway.attempts import Begun
from lakeserve.gateway.intake import CallerGone, Receive
from lakeserve.gateway.joined_writes import JoiningTransport
from lakeserve.gateway.paths import InferenceRoute
from lakeserve.gateway.reply import EVENTS, JSON, NOT_STORED, Header, Reply

LAST_CHUNK = b"0\r\n\r\n"
CLOSING = b"connection: close\r\n"


class Flow(Protocol):
    """Whether the caller takes more; uvicorn's."""

    write_paused: bool

    async def drain(self) -> None:
        """Wait until it does."""
        ...


class ServerState(Protocol):
    """What all connections of the server share; uvicorn's."""

    default_headers: list[Header]


class Connected(Protocol):
    """The connection that an exchange came by.

    Attributes:
        joined: Where answers are written.
    """

    joined: JoiningTransport

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        ...

    @property
    def flow(self) -> Flow:
        """Whether the caller takes more."""
        ...

    @property
    def server_state(self) -> ServerState:
        """What all connections share."""
        ...

    @property
    def success(self) -> bytes:
        """The first lines of an answer of JSON with status 200."""
        ...

    def ends(self, keep_alive: bool) -> None:
        """The present answer is whole."""
        ...


class Answerer(Protocol):
    """Whoever answers exchanges."""

    def give_up(self, exchange: "Exchange", call: Begun) -> None:
        """A call is to end before its answer has come."""
        ...


class _NoEvent:
    """uvicorn wakes a waiting application by an event; nobody waits here."""

    def set(self) -> None:
        """Wake nobody."""


class Exchange(Reply):
    """Serves as the call's reply and as its guard, and as a cycle in uvicorn's book-keeping.

    Attributes:
        parts: Of the request's body.
        is_whole: Whether the request has arrived.
        keep_alive: Whether the connection carries another request after this one.
        response_complete: Whether the answer was written.
        disconnected: Whether the caller has gone.
        reason: What the call was ended for, or None.
        is_served: Whether the task that answers it has begun.
        begun: The call between its question and its answer, while no task has it.
    """

    # Defaults of the class: one call sets few of them, and setting costs.
    message_event = _NoEvent()
    can_push = True
    is_whole = False
    keep_alive = True
    response_complete = False
    disconnected = False
    reason: Exception | None = None
    begun: Begun | None = None
    is_served = False
    _task: "asyncio.Task[None] | None" = None

    def __init__(
        self,
        connection: Connected,
        answerer: Answerer,
        request_id: str,
        route: InferenceRoute,
        caller: Principal,
        snapshot: Snapshot,
        headers: Mapping[bytes, bytes],
        started_at: float,
    ) -> None:
        super().__init__(request_id)
        self._connection = connection
        self._answerer = answerer
        self.route = route
        self.caller = caller
        self.snapshot = snapshot
        self.headers = headers
        self.started_at = started_at
        self.parts: list[bytes] = []

    @property
    def has_task(self) -> bool:
        """Whether a task answers it, or is going to."""
        return self._task is not None

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Go on in a task."""
        self._task = self._connection.loop.create_task(work)

    def leave(self) -> None:
        """The call is over; an answer that did not come to its end is a cut connection."""
        self._task = None
        if not self.response_complete and not self.disconnected:
            self._connection.joined.close()

    # As the guard of its call.

    def watch(self, receive: Receive) -> None:
        """The connection itself tells when the caller leaves."""

    def cut_short(self, reason: Exception) -> None:
        """End the call now, with this exception. Only the first reason counts."""
        if self.reason is not None:
            return
        begun, self.begun = self.begun, None
        if self._task is None and begun is None:
            return
        self.reason = reason
        if begun is not None:
            self._answerer.give_up(self, begun)
        # A task that has not begun sees the reason when it does; cancelled, it would never begin.
        if self._task is not None and self.is_served:
            self._task.cancel()

    def ended(self) -> Exception | None:
        """Why the call was cancelled; None when it was not this exchange that did it."""
        if self.reason is not None and self._task is not None and sys.version_info >= (3, 11):
            self._task.uncancel()
        return self.reason

    def lose(self) -> None:
        """The caller has gone."""
        if not self.response_complete:
            self.disconnected = True
            self.cut_short(CallerGone())

    def time_out(self, seconds: float) -> None:
        """The call took longer than it may."""
        if self._task is None and self.begun is None:  # its body never came
            self._connection.joined.close()
        self.cut_short(DeadlineExceeded(f"The call took longer than {seconds:g} seconds."))

    # As the reply of its call.

    async def whole(self, status: int, body: bytes, headers: tuple[Header, ...]) -> None:
        """See ``Reply``."""
        self.write_whole(status, body, headers)

    def write_whole(self, status: int, body: bytes, headers: tuple[Header, ...]) -> None:
        """Send an answer of JSON in one piece; there is nothing to wait for."""
        self.started = self._is_over = True
        if self.disconnected:
            return
        request_id = self.request_id.encode()
        self._connection.joined.write_now(
            b"%bcontent-length: %d\r\nx-request-id: %b\r\nx-databricks-request-id: %b\r\n%b\r\n%b"
            % (
                self._start(status, JSON),
                len(body),
                request_id,
                request_id,
                _answer_lines(headers),
                body,
            )
        )
        self._complete()

    def write_answer(self, body: bytes, names: bytes, timing: bytes) -> None:
        """Send a success in one piece, like ``write_whole``, with less to put together.

        Args:
            body: JSON.
            names: Header lines that tell who answered.
            timing: Value of ``server-timing``.
        """
        self.started = self._is_over = True
        if self.disconnected:
            return
        connection = self._connection
        request_id = self.request_id.encode()
        connection.joined.write_now(
            b"%b%b%bcontent-length: %d\r\nx-request-id: %b\r\nx-databricks-request-id: %b\r\n"
            b"server-timing: %b\r\n\r\n%b"
            % (
                connection.success,
                names,
                b"" if self.keep_alive else CLOSING,
                len(body),
                request_id,
                request_id,
                timing,
                body,
            )
        )
        self.response_complete = True
        connection.ends(self.keep_alive)

    async def start_events(self, headers: tuple[Header, ...]) -> None:
        """See ``Reply``; the head leaves with the first event, or at the end of this turn."""
        self.started = self._is_events = True
        if self.disconnected:
            return
        request_id = self.request_id.encode()
        self._connection.joined.write(
            b"%btransfer-encoding: chunked\r\nx-request-id: %b\r\nx-databricks-request-id: %b\r\n%b"
            b"\r\n"
            % (
                self._start(200, EVENTS, NOT_STORED),
                request_id,
                request_id,
                _answer_lines(headers),
            )
        )

    async def part(self, data: bytes) -> None:
        """See ``Reply``."""
        await self.drained()
        self.push(data)

    def push(self, data: bytes) -> bool:
        """See ``Reply``."""
        if self.disconnected:
            return True
        connection = self._connection
        joined = connection.joined
        data = b"%x\r\n%b\r\n" % (len(data), data)
        if joined.pending:
            joined.write_now(data)
        else:
            joined.transport.write(data)
        return not connection.flow.write_paused

    async def drained(self) -> None:
        """See ``Reply``."""
        flow = self._connection.flow
        if flow.write_paused and not self.disconnected:
            await flow.drain()

    async def end(self, data: bytes = b"") -> None:
        """See ``Reply``."""
        self._is_over = True
        if self.disconnected:
            return
        if data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._connection.joined.write_now(data + LAST_CHUNK)
        self._complete()

    def _start(self, status: int, *headers: Header) -> bytes:
        default = self._connection.server_state.default_headers
        close = () if self.keep_alive else ((b"connection", b"close"),)
        return start_lines(status, (*default, *headers, *close))

    def _complete(self) -> None:
        self.response_complete = True
        self._connection.ends(self.keep_alive)


def _answer_lines(headers: tuple[Header, ...]) -> bytes:
    """The first two headers tell who answered and are often the same; the others rarely are."""
    lines = header_lines(headers[:2])
    for header in headers[2:]:
        lines += b"%b: %b\r\n" % header
    return lines
