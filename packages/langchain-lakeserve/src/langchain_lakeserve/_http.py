"""The only module that names an HTTP library: urllib3 for sync calls, aiohttp for async.

Connections are kept per process (sync) and per running event loop (async), not per model, so
that models stay plain values: they can be pickled, copied and made for one call.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from langchain_lakeserve._auth import proxy_for
from langchain_lakeserve.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    StreamInterruptedError,
)

if TYPE_CHECKING:
    import aiohttp

    from langchain_lakeserve._sockets import HTTPConnection

CONNECT_TIMEOUT = 30.0
KEPT_CONNECTIONS = 256
TRUSTED_IDLE = 0.5
"""Seconds for which an idle connection is used without asking whether it is still there."""

PIECE = 65_536
DRAIN_SECONDS = 0.05
"""How long to wait for the end of a stream that said it is done, to keep its connection."""


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def origin(self) -> str:
        """Scheme and address."""
        return self.url[: self._path_at()]

    @property
    def target(self) -> str:
        """What stands behind the address."""
        return self.url[self._path_at() :]

    def _path_at(self) -> int:
        return self.url.index("/", self.url.index("://") + 3)


@dataclass(frozen=True)
class Reply:
    """A complete reply; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


# --- sync ---------------------------------------------------------------------------------


class _Connections:
    """Idle connections of this process, the last one used first.

    Instead of urllib3's pools: they cost more per call than the call itself, and close
    connections beyond a fixed number.
    """

    def __init__(self) -> None:
        self._idle: dict[str, deque[tuple[float, HTTPConnection]]] = {}
        self._process = os.getpid()

    def take(self, origin: str, timeout: float | None) -> HTTPConnection:
        """Return a connection to an origin, an idle one if there is one."""
        if self._process != os.getpid():  # a forked child must not share its parent's sockets
            self._idle, self._process = {}, os.getpid()
        idle = self._idle.get(origin)
        while idle:
            try:
                since, connection = idle.pop()
            except IndexError:  # another thread was faster
                break
            if time.monotonic() - since < TRUSTED_IDLE or connection.is_connected:
                return connection
            connection.close()
        return _new_connection(origin, timeout)

    def give(self, origin: str, connection: HTTPConnection) -> None:
        """Keep a connection for the next call."""
        idle = self._idle.setdefault(origin, deque())
        if len(idle) < KEPT_CONNECTIONS:
            idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            _, idle = self._idle.popitem()
            while idle:
                idle.pop()[1].close()


_connections = _Connections()
atexit.register(_connections.close)


def _new_connection(origin: str, timeout: float | None) -> HTTPConnection:
    from langchain_lakeserve._sockets import connection

    parts = urlsplit(origin)
    proxy = proxy_for(parts.scheme, parts.netloc)
    return connection(parts, proxy, _shorter(timeout))


def send(request: Request, timeout: float | None) -> Reply:
    """Send a request and read the whole reply.

    Raises:
        ConnectionFailedError: There was none.
        DeadlineExceededError: It did not come in time.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with open_stream(request, timeout) as stream:
        return Reply(stream.status, stream.headers, stream.read(deadline))


def open_stream(request: Request, timeout: float | None) -> SyncStream:
    """Send a request and return as soon as the head of the reply is there."""
    origin, target = request.origin, request.target
    try:
        connection = _connections.take(origin, timeout)
    except ValueError as error:
        raise ConnectionFailedError(f"cannot connect to {origin}: {error}") from error
    try:
        response = connection.exchange(
            request.method, target, request.body, request.headers, timeout
        )
    except BaseException as error:
        connection.close()
        if isinstance(error, OSError | HTTPException) or _is_from_urllib3(error):
            raise _sync_failure(error) from error
        raise
    return SyncStream(origin, connection, response)


class SyncStream:
    """A reply whose body is still to come; use it in ``with``."""

    def __init__(self, origin: str, connection: HTTPConnection, response: HTTPResponse) -> None:
        self._origin = origin
        self._connection = connection
        self._response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def read(self, deadline: float | None = None) -> bytes:
        """Read the rest of the body."""
        pieces = []
        try:
            while piece := self._response.read(PIECE):
                pieces.append(piece)
                if deadline is not None and time.monotonic() > deadline:
                    raise DeadlineExceededError("the reply did not end in time")
        except (OSError, HTTPException) as error:
            raise _sync_failure(error) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes."""
        try:
            while piece := self._response.read1(PIECE):
                yield piece
        except (OSError, HTTPException) as error:
            raise _interrupted(_sync_failure(error)) from error

    def drain(self) -> None:
        """Read what follows the last event, so that the connection can be used again."""
        if self._response.isclosed():
            return
        self._connection.set_read_timeout(DRAIN_SECONDS)
        with suppress(OSError, HTTPException):  # then the connection is closed, not kept
            self._response.read1(PIECE)

    def __enter__(self) -> SyncStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # http.client closes a response at its end, and a connection that may not be kept.
        if self._response.isclosed() and self._connection.sock is not None:
            _connections.give(self._origin, self._connection)
        else:
            self._response.close()
            self._connection.close()


def _shorter(timeout: float | None) -> float:
    return CONNECT_TIMEOUT if timeout is None else min(timeout, CONNECT_TIMEOUT)


def _is_from_urllib3(error: BaseException) -> bool:
    return type(error).__module__.startswith("urllib3.")


def _sync_failure(error: BaseException) -> ConnectionFailedError | DeadlineExceededError:
    reason = str(error) or type(error).__name__
    if isinstance(error, TimeoutError) or type(error).__name__ == "ConnectTimeoutError":
        return DeadlineExceededError(f"no answer in time: {reason}")
    return ConnectionFailedError(f"connection failed: {reason}")


def _interrupted(
    error: ConnectionFailedError | DeadlineExceededError,
) -> ConnectionFailedError | DeadlineExceededError:
    if isinstance(error, DeadlineExceededError):
        return error
    return StreamInterruptedError(f"the stream broke off: {error}")


# --- async --------------------------------------------------------------------------------


class _LoopSession:
    """The session of one event loop, closed with the loop."""

    def __init__(self, session: aiohttp.ClientSession, lifeline: AsyncGenerator[None]) -> None:
        self.session = session
        self._lifeline = lifeline  # held here, so that only the loop's end closes it


_sessions: dict[asyncio.AbstractEventLoop, _LoopSession] = {}


async def _until_loop_ends(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    # An event loop closes its async generators before it ends (asyncio.run, pytest-asyncio,
    # uvicorn and Jupyter all do): the one hook that runs inside the loop, without a thread.
    try:
        yield
    finally:
        _sessions.pop(asyncio.get_running_loop(), None)
        await session.close()


async def _session() -> aiohttp.ClientSession:
    loop = asyncio.get_running_loop()
    kept = _sessions.get(loop)
    if kept is not None and not kept.session.closed:
        return kept.session
    import aiohttp

    for other in list(_sessions):
        if other.is_closed():  # without closing its generators; nothing can run there any more
            _sessions.pop(other, None)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    lifeline = _until_loop_ends(session)
    await lifeline.asend(None)
    _sessions[loop] = _LoopSession(session, lifeline)
    return session


async def asend(request: Request, timeout: float | None) -> Reply:
    """Send a request and read the whole reply; the async twin of `send`."""
    # One timer for everything: each further one costs some microseconds per call.
    async with await _aopen(request, timeout, None) as stream:
        return Reply(stream.status, stream.headers, await stream.read())


async def aopen_stream(request: Request, timeout: float | None) -> AsyncStream:
    """Send a request and return as soon as the head of the reply is there."""
    return await _aopen(request, None, timeout)


async def _aopen(request: Request, total: float | None, between: float | None) -> AsyncStream:
    session = await _session()
    import aiohttp

    scheme, _, rest = request.url.partition("://")
    connect = None if total is not None else _shorter(between)
    try:
        response = await session.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            proxy=proxy_for(scheme, rest.partition("/")[0]),
            timeout=aiohttp.ClientTimeout(total=total, sock_connect=connect, sock_read=between),
        )
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
        raise _async_failure(error) from error
    return AsyncStream(response)


class AsyncStream:
    """A reply whose body is still to come; use it in ``async with``."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: dict[str, str] = {k.lower(): v for k, v in response.headers.items()}

    async def read(self) -> bytes:
        """Read the rest of the body."""
        import aiohttp

        try:
            return await self._response.read()
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            raise _async_failure(error) from error

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the body as it comes."""
        import aiohttp

        content = self._response.content
        try:
            while piece := await content.readany():
                yield piece
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            raise _interrupted(_async_failure(error)) from error

    async def drain(self) -> None:
        """Read what follows the last event, so that the connection can be used again."""
        if self._response.content.at_eof():
            return
        with suppress(Exception):  # then the connection is closed, not kept
            await asyncio.wait_for(self._response.content.readany(), DRAIN_SECONDS)

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A body that was read to its end has already given its connection back.
        self._response.close()


def _async_failure(error: Exception) -> ConnectionFailedError | DeadlineExceededError:
    reason = str(error) or type(error).__name__
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return DeadlineExceededError(f"no answer in time: {reason}")
    return ConnectionFailedError(f"connection failed: {reason}")
