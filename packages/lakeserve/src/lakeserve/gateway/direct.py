"""uvicorn's HTTP protocol, with a short cut for calls of endpoints.

A call whose head says all (a plain path, a length, a token that is known) goes to the gateway
without the dictionaries and the messages of ASGI. Everything else takes the ordinary way: other
paths, bodies in chunks or beyond the limit, callers that ask before they send, whatever is going to
be refused.
"""

import asyncio
from typing import Any, cast

import httptools

from lakeserve.gateway.answer_head import start_lines
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.exchange import Exchange
from lakeserve.gateway.joined_writes import JoinedWritesProtocol, JoiningTransport
from lakeserve.gateway.reply import JSON, Header

SWEEP_S = 1.0


class Front:
    """What the connections of one server share; uvicorn calls it for each new one.

    Args:
        gateway: Answers the calls that take the short cut.
        call_timeout_s: Longest time from the head of a request to the end of its answer.
        idle_timeout_s: A connection without a request for so long is closed.

    Attributes:
        default_headers: Of the server's answers, when ``success`` was put together.
        success: See ``Connected.success``.
    """

    def __init__(self, gateway: Gateway, call_timeout_s: float, idle_timeout_s: float) -> None:
        self.gateway = gateway
        self._call_timeout_s = call_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._protocols: set[DirectProtocol] = set()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self.default_headers: list[Header] = []
        self.success = b""
        self._pause_s = min(SWEEP_S, call_timeout_s / 4, idle_timeout_s / 4)

    def __call__(self, **settings: Any) -> asyncio.Protocol:
        """A protocol for one connection."""
        return DirectProtocol(self, **settings)

    def add(self, protocol: "DirectProtocol") -> None:
        """A connection stands."""
        self._protocols.add(protocol)
        if self._sweep_timer is None:
            self._sweep_timer = protocol.loop.call_later(self._pause_s, self._sweep, protocol.loop)

    def discard(self, protocol: "DirectProtocol") -> None:
        """A connection is gone."""
        self._protocols.discard(protocol)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look for calls and connections whose time is up.

        One timer for all costs a call nothing; a time is kept to within the pause.
        """
        now = loop.time()
        for protocol in tuple(self._protocols):
            protocol.check_time(now, self._call_timeout_s, self._idle_timeout_s)
        self._sweep_timer = (
            loop.call_later(self._pause_s, self._sweep, loop) if self._protocols else None
        )


class DirectProtocol(JoinedWritesProtocol):
    """One connection.

    Attributes:
        joined: Where answers are written.
    """

    cycle: Any
    joined: JoiningTransport

    def __init__(self, front: Front, **settings: Any) -> None:
        super().__init__(**settings)
        self._front = front
        self._admit = front.gateway.admit
        self._since = self.loop.time()
        self._answering: Exchange | None = None

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self.joined = cast(JoiningTransport, self.transport)
        self._front.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._front.discard(self)
        for cycle in (self._answering, self.cycle, *(cycle for cycle, _ in self.pipeline)):
            if type(cycle) is Exchange:
                cycle.lose()
        super().connection_lost(exc)

    def check_time(self, now: float, call_timeout_s: float, idle_timeout_s: float) -> None:
        """End a call that takes too long, and a connection that brings no request."""
        cycle = self._answering or self.cycle
        if cycle is None or cycle.response_complete:
            if now - self._since > idle_timeout_s:
                self.transport.close()
        elif type(cycle) is Exchange and now - self._since > call_timeout_s:
            cycle.time_out(call_timeout_s)

    # Called by the parser.

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._unsupported_upgrade_warning()

    def on_message_begin(self) -> None:
        """A request begins; what ASGI wants to know of it is put together when it is needed."""
        self.url = b""
        self.headers = []
        if self._answering is None:
            self._since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is whole."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: take the short cut or the ordinary way."""
        exchange = None
        parser = self.parser
        if (
            parser.get_method() == b"POST"
            and not parser.should_upgrade()
            and parser.get_http_version() == "1.1"
        ):
            exchange = self._admit(self.url, self.headers, self)
        if exchange is None:
            self._take_ordinary_way()
            return
        exchange.keep_alive = parser.should_keep_alive()
        before, self.cycle = self.cycle, exchange
        if before is None or before.response_complete:
            self._answering = exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cast(Any, exchange), self.app))

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        exchange = self.cycle
        if type(exchange) is Exchange:
            exchange.parts.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        exchange = self.cycle
        if type(exchange) is not Exchange:
            super().on_message_complete()
            return
        exchange.is_whole = True
        if exchange is self._answering:
            self._front.gateway.start(exchange)

    def on_response_complete(self) -> None:
        """An answer that went the ordinary way is whole."""
        self._since = self.loop.time()
        super().on_response_complete()

    def _take_ordinary_way(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if type(cycle) is not Exchange:
            super()._start_asgi_task(cycle, app)
            return
        self._answering = cycle
        if cycle.is_whole:
            self._front.gateway.start(cycle)

    # Called by an exchange.

    @property
    def success(self) -> bytes:
        """The first lines of an answer of JSON with status 200."""
        front, default = self._front, self.server_state.default_headers
        if front.default_headers is not default:  # uvicorn makes a new list for each second's date
            front.default_headers = default
            front.success = start_lines(200, (*default, JSON))
        return front.success

    def ends(self, keep_alive: bool) -> None:
        """The present answer is whole."""
        self._answering = None
        self.server_state.total_requests += 1
        if not keep_alive:
            self.transport.close()
        elif not self.joined.transport.is_closing():
            self._since = self.loop.time()
            if self.flow.read_paused:
                self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
