"""Keep-alive connections to every upstream, opened when needed."""

import asyncio
import contextlib
import random
import socket
import ssl
import time
from typing import NamedTuple

from lakeserve.core.endpoints import Address
from lakeserve.gateway.upstream.connection import Connection, Patience
from lakeserve.gateway.upstream.failure import ConnectFailed, UpstreamFailure

CONNECT_TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.002
LONGEST_PAUSE_S = 0.1
IDLE_S = 30.0
MAX_IDLE = 256


class Origin(NamedTuple):
    """Where a connection leads, and by whose authority.

    Attributes:
        ca_pem: Authorities that the certificate is checked against; None for the system's.
    """

    address: Address
    ca_pem: str | None = None


class UpstreamPool:
    """Connections by origin. A connection carries one exchange at a time."""

    def __init__(
        self, connect_timeout_s: float = CONNECT_TIMEOUT_S, idle_s: float = IDLE_S
    ) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._idle_s = idle_s
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._contexts: dict[str | None, ssl.SSLContext] = {}
        self._is_closed = False
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def open_connections(self) -> int:
        """Connections that are open, idle ones included."""
        return len(self._open)

    def in_use(self, origin: Origin) -> int:
        """Connections to an origin that carry an exchange now."""
        kept = self._idle.get(origin)
        if kept is None:
            return 0
        return sum(connection.kept is kept for connection in self._open) - len(kept)

    async def exchange(
        self,
        origin: Origin,
        payload: bytes,
        method: bytes,
        whole_limit: int | None = None,
        patience: Patience | None = None,
        begun: Connection | None = None,
    ) -> Connection:
        """Send a request and wait for its reply, see ``Connection.request``.

        Over ``begun`` it was sent before, and is only waited for.

        The caller gives the connection back with ``release``. With ``patience`` it also says
        ``has_begun`` once what it waits for first is here, unless it waits for the whole reply. A
        kept connection that the upstream closed before it said a word is replaced by a fresh one,
        once.

        Raises:
            UpstreamFailure: The reply did not come.
        """
        kept = begun or self.kept(self.line(origin))
        connection = kept or await self._connect(origin, patience)
        try:
            if begun is None:
                if patience is not None:
                    connection.hurry(patience)
                connection.ask(payload, method, whole_limit)
            # As ``request`` does, without a coroutine in between: this is on every call's way.
            while not connection.is_answered:
                await connection.news()
        except UpstreamFailure as failure:
            self.release(connection)
            if kept is None or failure.received:
                raise
        except BaseException:  # a cancelled call must not leave its reply to the next one
            self.release(connection)
            raise
        else:
            return connection
        return await self._exchange_afresh(origin, payload, method, whole_limit, patience)

    async def connect(self, origin: Origin) -> Connection:
        """A fresh connection for an exchange whose request is written in parts.

        Raises:
            ConnectFailed: There is none to be had.
        """
        return await self._connect(origin)

    def release(self, connection: Connection) -> None:
        """Take a connection back; one whose exchange is not at its end is closed."""
        kept = connection.kept
        if connection.is_hurried:
            connection.is_over()
        if self._is_closed or not connection.is_reusable or len(kept) >= MAX_IDLE:
            connection.abort()
            return
        connection.idle_since = time.monotonic()
        kept.append(connection)
        if self._sweep is None:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(self._idle_s / 2, self._close_idle)

    def close(self) -> None:
        """Close every connection, also those in use."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._is_closed = True
        self._idle.clear()
        for connection in tuple(self._open):
            connection.abort()

    def line(self, origin: Origin) -> list[Connection]:
        """Where connections to an origin wait for an exchange: the same list at every time."""
        return self._idle.setdefault(origin, [])

    def kept(self, line: list[Connection]) -> Connection | None:
        """A connection that waits for an exchange; whoever takes it gives it back."""
        while line:
            connection = line.pop()
            if connection.is_reusable:
                return connection
            connection.abort()
        return None

    async def _exchange_afresh(
        self,
        origin: Origin,
        payload: bytes,
        method: bytes,
        whole_limit: int | None,
        patience: Patience | None,
    ) -> Connection:
        connection = await self._connect(origin, patience)
        try:
            if patience is not None:
                connection.hurry(patience)
            await connection.request(payload, method, whole_limit)
        except BaseException:
            self.release(connection)
            raise
        return connection

    async def _connect(self, origin: Origin, patience: Patience | None = None) -> Connection:
        limits = [limit for limit in patience or () if limit is not None]
        seconds = min([self._connect_timeout_s, *limits])
        try:
            connection = await asyncio.wait_for(self._dial(origin), seconds)
        except (TimeoutError, asyncio.TimeoutError):
            raise ConnectFailed(f"it took no connection within {seconds:g} s") from None
        except ssl.SSLError as error:
            raise ConnectFailed(f"TLS: {_tls_reason(error)}") from error
        except OSError as error:
            raise ConnectFailed(_reason(error)) from error
        connection.kept = self.line(origin)
        self._open.add(connection)
        return connection

    async def _dial(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        address = origin.address
        if address.uds is not None:
            return await self._dial_unix(address.uds)
        context = self.context(origin)
        _, connection = await loop.create_connection(
            self._protocol, address.host, address.port, ssl=context
        )
        return connection

    async def _dial_unix(self, path: str) -> Connection:
        """Connect to a socket file, and wait where many do at once.

        Unlike TCP, such a socket turns callers away while its queue is full.
        """
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_S
        while True:
            with contextlib.suppress(BlockingIOError):
                own = _connected(path)
                _, connection = await loop.create_unix_connection(self._protocol, sock=own)
                return connection
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _protocol(self) -> Connection:
        return Connection(self._open.discard)

    def context(self, origin: Origin) -> ssl.SSLContext | None:
        """How to speak TLS to an origin; None for one that does not."""
        if not origin.address.tls:
            return None
        context = self._contexts.get(origin.ca_pem)
        if context is None:
            context = ssl.create_default_context(cadata=origin.ca_pem)
            self._contexts[origin.ca_pem] = context
        return context

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = time.monotonic() - self._idle_s
        for kept in self._idle.values():
            # In place and with the emptied lists kept: connections in use refer to them.
            for connection in kept:
                if not connection.is_reusable or connection.idle_since <= oldest:
                    connection.abort()
            kept[:] = [connection for connection in kept if connection.is_open]
        self._sweep = (
            loop.call_later(self._idle_s / 2, self._close_idle)
            if any(self._idle.values())
            else None
        )


def _connected(path: str) -> socket.socket:
    """A socket that is connected at once.

    Raises:
        BlockingIOError: The queue there is full; event loops take that for "not yet".
    """
    own = socket.socket(socket.AF_UNIX)
    try:
        own.setblocking(False)
        own.connect(path)
    except BaseException:
        own.close()
        raise
    return own


def _tls_reason(error: ssl.SSLError) -> str:
    for name in ("verify_message", "reason"):
        text = getattr(error, name, None)  # either may be missing or None
        if text:
            return str(text)
    return "handshake failed"


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return "nothing listens there"
    return error.strerror or str(error) or type(error).__name__
