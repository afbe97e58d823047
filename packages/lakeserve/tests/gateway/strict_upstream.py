"""A model server for tests that takes strict HTTP only and answers with the bytes it is told."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import h11
import orjson
from lakeserve.core.endpoints import Address

# Bytes to write, seconds to sleep, an event to wait for, or an end to the connection.
Step = bytes | float | asyncio.Event | Literal["close", "reset"]


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    def json(self) -> Any:
        return orjson.loads(self.body)


Script = Callable[[Seen], Iterable[Step]]


def whole(
    status: int, body: bytes, content_type: str = "application/json", *headers: tuple[str, str]
) -> bytes:
    """A reply with a length."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"content-type: {content_type}",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked_head(content_type: str = "text/event-stream", status: int = 200) -> bytes:
    """The head of a reply in chunks."""
    return (
        f"HTTP/1.1 {status} Whatever\r\ncontent-type: {content_type}\r\n"
        "transfer-encoding: chunked\r\n\r\n"
    ).encode()


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, for five seconds at most."""
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come to that")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


@dataclass
class StrictUpstream:
    """Serves on a unix socket or a TCP port.

    Attributes:
        script: What to answer with.
        early: Sent as soon as a request has begun, in place of the script's answer.
        seen: Requests in the order they were whole.
        opened: Connections that were ever made.
        open: Those that still stand.
        faults: What the callers did wrong; a test that ends with one has failed.
    """

    script: Script = lambda _: [whole(200, b"{}")]
    early: bytes | None = None
    seen: list[Seen] = field(default_factory=list)
    opened: int = 0
    open: int = 0
    faults: list[str] = field(default_factory=list)
    sessions: "set[_Session]" = field(default_factory=set)
    server: asyncio.Server | None = None

    async def listen_unix(self, path: str) -> Address:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_unix_server(lambda: _Session(self), path)
        return Address(uds=path)

    async def listen_tcp(self, context: ssl.SSLContext | None = None, port: int = 0) -> Address:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            lambda: _Session(self), "127.0.0.1", port, ssl=context
        )
        port = self.server.sockets[0].getsockname()[1]
        return Address(host="127.0.0.1", port=port, tls=context is not None)

    def drop_all(self) -> None:
        """Close every connection, as a server that restarts does."""
        for session in tuple(self.sessions):
            session.transport.close()

    def stop_listening(self) -> None:
        if self.server is not None:
            self.server.close()

    async def aclose(self) -> None:
        self.stop_listening()
        for session in tuple(self.sessions):
            session.transport.abort()
        await until(lambda: not self.sessions)


class _Session(asyncio.Protocol):
    def __init__(self, upstream: StrictUpstream) -> None:
        self.upstream = upstream
        self.parser = h11.Connection(h11.SERVER)
        self.request: Seen | None = None
        self.answering: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.upstream.opened += 1
        self.upstream.open += 1
        self.upstream.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.upstream.open -= 1
        self.upstream.sessions.discard(self)
        if self.answering is not None:
            self.answering.cancel()

    def data_received(self, data: bytes) -> None:
        if self.answering is not None:
            self.upstream.faults.append(f"bytes before the reply was over: {data!r}")
        try:
            self.parser.receive_data(data)
            while (event := self.parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                self._take(event)
        except h11.RemoteProtocolError as error:
            self.upstream.faults.append(f"not HTTP: {error}")
            self.transport.abort()

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Request):
            headers = {n.decode(): v.decode() for n, v in event.headers}
            self.request = Seen(event.method.decode(), event.target.decode(), headers)
            if self.upstream.early is not None:
                self.transport.write(self.upstream.early)
        elif isinstance(event, h11.Data) and self.request is not None:
            self.request.body += event.data
        elif isinstance(event, h11.EndOfMessage) and self.request is not None:
            self.upstream.seen.append(self.request)
            self.answering = asyncio.get_running_loop().create_task(self._answer(self.request))
            self.parser = h11.Connection(h11.SERVER)

    async def _answer(self, request: Seen) -> None:
        for step in [] if self.upstream.early else self.upstream.script(request):
            await self._do(step)
        self.answering = None

    async def _do(self, step: Step) -> None:
        if isinstance(step, bytes):
            self.transport.write(step)
            await asyncio.sleep(0)
        elif isinstance(step, asyncio.Event):
            await step.wait()
        elif isinstance(step, int | float):
            await asyncio.sleep(step)
        elif step == "close":
            self.transport.close()
        else:
            own = self.transport.get_extra_info("socket")
            if own.family != socket.AF_UNIX:  # a unix socket knows no reset
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
