"""The only module that names an HTTP library: urllib3 for sync calls, aiohttp for async.

Connections are kept per process (sync) and per running event loop (async), not per model, so
that models stay plain values: they can be pickled, copied and made for one call.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from langchain_lakeserve import _auth
from langchain_lakeserve.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    StreamInterruptedError,
)

if TYPE_CHECKING:
    import aiohttp
    import urllib3

CONNECT_TIMEOUT = 30.0
KEPT_CONNECTIONS = 256
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


@dataclass(frozen=True)
class Reply:
    """A complete reply; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


# --- sync ---------------------------------------------------------------------------------

_managers: dict[tuple[int, str | None], urllib3.PoolManager] = {}
_managers_lock = threading.Lock()


def _manager(url: str) -> urllib3.PoolManager:
    """Return the pools of this process; a forked child must not share its parent's sockets."""
    parts = urlsplit(url)
    proxy = _auth.proxy_for(parts.scheme, parts.netloc)
    key = (os.getpid(), proxy)
    manager = _managers.get(key)
    if manager is None:
        import urllib3

        with _managers_lock:
            manager = _managers.get(key)
            if manager is None:
                manager = (
                    urllib3.ProxyManager(proxy, maxsize=KEPT_CONNECTIONS)
                    if proxy
                    else urllib3.PoolManager(maxsize=KEPT_CONNECTIONS)
                )
                _managers[key] = manager
    return manager


@atexit.register
def close_connections() -> None:
    """Close the idle connections of sync calls."""
    with _managers_lock:
        for manager in _managers.values():
            manager.clear()
        _managers.clear()


def send(request: Request, timeout: float | None) -> Reply:
    """Send a request and read the whole reply.

    Raises:
        ConnectionFailedError: There was none.
        DeadlineExceededError: It did not come in time.
    """
    with open_stream(request, timeout) as stream:
        return Reply(stream.status, stream.headers, stream.read())


def open_stream(request: Request, timeout: float | None) -> SyncStream:
    """Send a request and return as soon as the head of the reply is there."""
    import urllib3

    try:
        response = _manager(request.url).urlopen(
            request.method,
            request.url,
            body=request.body,
            headers=request.headers,
            timeout=urllib3.Timeout(connect=_shorter(timeout), read=timeout),
            retries=False,
            redirect=False,
            preload_content=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise _sync_failure(error) from error
    return SyncStream(response)


class SyncStream:
    """A reply whose body is still to come; close it, or use it in ``with``."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self._ended = False
        self.status = response.status
        self.headers: dict[str, str] = {k.lower(): v for k, v in response.headers.items()}

    def read(self) -> bytes:
        """Read the rest of the body."""
        import urllib3

        try:
            body = self._response.read(decode_content=True)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _sync_failure(error) from error
        self._ended = True
        return body

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes."""
        import urllib3

        try:
            while piece := self._response.read1(PIECE, decode_content=True):
                yield piece
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _interrupted(_sync_failure(error)) from error
        self._ended = True

    def drain(self) -> None:
        """Read what follows the last event, so that the connection can be used again."""
        connection = getattr(self._response, "_connection", None)
        sock = getattr(connection, "sock", None)
        if self._ended or sock is None:
            return
        sock.settimeout(DRAIN_SECONDS)
        with suppress(Exception):  # then the connection is closed, not kept
            self._ended = not self._response.read1(PIECE)

    def __enter__(self) -> SyncStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._ended:
            self._response.release_conn()
        else:
            self._response.close()


def _shorter(timeout: float | None) -> float:
    return CONNECT_TIMEOUT if timeout is None else min(timeout, CONNECT_TIMEOUT)


def _sync_failure(error: Exception) -> ConnectionFailedError | DeadlineExceededError:
    from urllib3 import exceptions

    if isinstance(
        error, exceptions.ConnectTimeoutError | exceptions.ReadTimeoutError | TimeoutError
    ):
        return DeadlineExceededError(f"no answer in time: {error}")
    return ConnectionFailedError(f"connection failed: {error}")


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


_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopSession] = WeakKeyDictionary()


async def _until_loop_ends(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    # An event loop closes its async generators before it ends (asyncio.run, pytest-asyncio,
    # uvicorn and Jupyter all do): the one hook that runs inside the loop, without a thread.
    try:
        yield
    finally:
        await session.close()


async def _session() -> aiohttp.ClientSession:
    loop = asyncio.get_running_loop()
    kept = _sessions.get(loop)
    if kept is not None and not kept.session.closed:
        return kept.session
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    )
    lifeline = _until_loop_ends(session)
    await lifeline.asend(None)
    _sessions[loop] = _LoopSession(session, lifeline)
    return session


async def asend(request: Request, timeout: float | None) -> Reply:
    """Send a request and read the whole reply; the async twin of `send`."""
    async with await aopen_stream(request, timeout, total=timeout) as stream:
        return Reply(stream.status, stream.headers, await stream.read())


async def aopen_stream(
    request: Request, timeout: float | None, *, total: float | None = None
) -> AsyncStream:
    """Send a request and return as soon as the head of the reply is there."""
    session = await _session()
    import aiohttp

    parts = urlsplit(request.url)
    try:
        response = await session.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            proxy=_auth.proxy_for(parts.scheme, parts.netloc),
            timeout=aiohttp.ClientTimeout(
                total=total, sock_connect=_shorter(timeout), sock_read=timeout
            ),
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
