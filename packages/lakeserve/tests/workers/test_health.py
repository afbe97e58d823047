"""Health probes against servers that answer in every way, on unix sockets and ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address
from lakeserve.workers.health import probe
from lakeserve.workers.protocols import Pulse

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(path: Path, answer: bytes | None) -> AsyncIterator[Address]:
    """A server that says ``answer``, or that accepts and says nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield Address(uds=str(path))
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "pulse"),
    [
        (OK + b'{"status": "ready", "active": 2, "idle_s": 0.0}', Pulse(2, 0.0)),
        (OK + b'{"active": 0, "idle_s": 7.5}', Pulse(0, 7.5)),
        (OK, Pulse()),
        (OK + b"fine", Pulse()),
        (OK + b"[1]", Pulse()),
        (OK + b'{"active": null, "idle_s": 1}', Pulse()),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}", None),
        (b"", None),
        (None, None),
    ],
)
async def test_what_a_worker_says(
    tmp_path: Path, answer: bytes | None, pulse: Pulse | None
) -> None:
    async with listening(tmp_path / "s", answer) as address:
        assert await probe(address, 0.2) == pulse


async def test_nobody_listens(tmp_path: Path) -> None:
    assert await probe(Address(uds=str(tmp_path / "s")), 1) is None


async def test_a_port() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b'{"active": 1, "idle_s": 0}')
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await probe(Address(host="127.0.0.1", port=port), 5) == Pulse(1, 0.0)
    server.close()
