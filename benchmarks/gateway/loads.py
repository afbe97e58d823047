"""What is sent, and the client that sends it."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import cast

import httptools

TOKEN = "dapi-benchmark-of-gateways"


@dataclass(frozen=True)
class Load:
    """Requests of one kind.

    Attributes:
        count: In one turn.
        kind: Which path of a gateway takes it.
    """

    name: str
    kind: str
    body: dict[str, object]
    count: int


def _chat(words: int, **fields: object) -> dict[str, object]:
    message = {"role": "user", "content": "word " * words}
    return {"messages": [message], "max_tokens": 100, **fields}


LOADS = (
    Load("chat, 1 KB", "chat", _chat(180), 4000),
    Load("chat, 300 KB prompt", "chat", _chat(60_000), 400),
    Load("stream, 50 events", "chat", _chat(180, stream=True), 160),
    Load("embeddings, 16 x 1024", "embeddings", {"input": ["word " * 10] * 16}, 400),
)


def request(path: str, body: dict[str, object]) -> bytes:
    """A request as it goes over the wire."""
    raw = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {TOKEN}\r\ncontent-length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


class Client(asyncio.Protocol):
    """Sends requests over one connection, one after the other.

    Attributes:
        latencies: Seconds from each request to the first byte of its answer.
    """

    def __init__(self, payload: bytes, count: int) -> None:
        self.payload = payload
        self.left = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.parser = httptools.HttpResponseParser(self)
        self.latencies: list[float] = []
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.payload)

    def data_received(self, data: bytes) -> None:
        """Read."""
        if self.sent:
            self.latencies.append(time.perf_counter() - self.sent)
            self.sent = 0.0
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """That must not happen before the end."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed early"))

    def on_message_complete(self) -> None:
        """Go on, or end."""
        status = self.parser.get_status_code()
        if status != 200 and not self.done.done():
            self.done.set_exception(RuntimeError(f"status {status}"))
            return
        self.left -= 1
        if self.left:
            self._send()
        else:
            self.done.set_result(None)
            self.transport.close()


async def send(payload: bytes, port: int, count: int, connections: int) -> list[float]:
    """Send so many requests over all connections; latencies to the first byte, in seconds."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: Client(payload, max(1, count // connections)), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    return sorted(value for client in clients for value in client.latencies)
