"""Connections that are kept, and those that are not."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gateway.strict_upstream import StrictUpstream, until, whole
from lakeserve.core.endpoints import Address
from lakeserve.gateway.upstream.connection import Connection
from lakeserve.gateway.upstream.failure import ConnectFailed, UpstreamFailure
from lakeserve.gateway.upstream.head import json_head
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool


@pytest.fixture
async def upstream() -> AsyncIterator[StrictUpstream]:
    server = StrictUpstream()
    yield server
    await server.aclose()
    assert server.faults == []


@pytest.fixture
async def origin(upstream: StrictUpstream) -> AsyncIterator[Origin]:
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        yield Origin(await upstream.listen_unix(str(Path(folder) / "u")))


async def ask(pool: UpstreamPool, origin: Origin) -> Connection:
    payload = json_head(origin.address, "/x", ()) + b"content-length: 2\r\n\r\n{}"
    return await pool.exchange(origin, payload, b"POST", 1000)


async def test_idle_connections_are_closed(upstream: StrictUpstream, origin: Origin) -> None:
    pool = UpstreamPool(idle_s=0.1)
    taken = [await ask(pool, origin) for _ in range(3)]
    for connection in taken:
        pool.release(connection)
    assert pool.open_connections == 3
    await asyncio.sleep(0.3)
    assert (pool.open_connections, upstream.open) == (0, 0)
    pool.release(await ask(pool, origin))
    assert upstream.opened == 4
    pool.close()


async def test_a_connection_is_used_by_one_at_a_time(
    upstream: StrictUpstream, origin: Origin
) -> None:
    pool = UpstreamPool()
    first, second = await ask(pool, origin), await ask(pool, origin)
    assert first is not second
    pool.release(first)
    assert await ask(pool, origin) is first
    pool.close()


async def test_a_cancelled_exchange_closes_its_connection(
    upstream: StrictUpstream, origin: Origin
) -> None:
    pool = UpstreamPool()
    upstream.script = lambda _: [0.05, whole(200, b"late")]
    task = asyncio.ensure_future(ask(pool, origin))
    await until(lambda: upstream.seen)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.1)
    assert (pool.open_connections, upstream.open) == (0, 0)
    pool.close()


async def test_one_whose_reply_was_not_read_is_not_kept(
    upstream: StrictUpstream, origin: Origin
) -> None:
    pool = UpstreamPool()
    upstream.script = lambda _: [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", 1.0]
    payload = json_head(origin.address, "/x", ()) + b"content-length: 2\r\n\r\n{}"
    connection = await pool.exchange(origin, payload, b"POST")
    assert await connection.read() == b"ab"
    pool.release(connection)
    await asyncio.sleep(0.02)
    assert upstream.open == 0
    pool.close()


async def test_closing_the_pool_fails_what_is_under_way(
    upstream: StrictUpstream, origin: Origin
) -> None:
    pool = UpstreamPool()
    upstream.script = lambda _: [asyncio.Event()]
    task = asyncio.ensure_future(ask(pool, origin))
    await until(lambda: upstream.seen)
    pool.close()
    with pytest.raises(UpstreamFailure):
        await task


async def test_a_host_that_does_not_answer() -> None:
    pool = UpstreamPool(connect_timeout_s=0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:  # it never accepts, nor speaks TLS
        silent = Origin(Address(host="127.0.0.1", port=server.getsockname()[1], tls=True))
        with pytest.raises(ConnectFailed, match=r"within 0\.05 s"):
            await ask(pool, silent)
    assert pool.open_connections == 0


async def test_a_missing_socket() -> None:
    with pytest.raises(ConnectFailed, match="nothing listens"):
        await ask(UpstreamPool(), Origin(Address(uds="/nonexistent/socket")))


async def test_a_missing_bundle() -> None:
    there = Origin(Address(host="127.0.0.1", port=1, tls=True), "/nonexistent/ca.pem")
    with pytest.raises(ConnectFailed):
        await ask(UpstreamPool(), there)
