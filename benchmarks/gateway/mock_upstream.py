"""A model server that costs little: fixed answers to chat, streamed chat and embeddings.

Run as ``python mock_upstream.py PORT``; it prints a line when it listens.
"""

import asyncio
import json
import sys
import time
from typing import Any, ClassVar, cast

import httptools
import uvloop

EVENTS = 50
EVENT_PAUSE_S = 0.004
SLOW_PAUSE_S = 0.2
# Answers with the times at which streams were cut since it was last asked.
CUT = b"/cut"


def _reply(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


CHAT = _reply(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "mock",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "word " * 150},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350},
    }
)
EMBEDDINGS = _reply(
    {
        "object": "list",
        "model": "mock",
        "data": [
            {"object": "embedding", "index": n, "embedding": [(n + i) / 7919 for i in range(1024)]}
            for n in range(16)
        ],
        "usage": {"prompt_tokens": 160, "total_tokens": 160},
    }
)
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-accel-buffering: no\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
EVENT = _chunk(
    b"data: "
    + json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1700000000,
            "model": "mock",
            "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}],
        }
    ).encode()
    + b"\n\n"
)
STREAM_END = _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Session(asyncio.Protocol):
    """One connection.

    Attributes:
        cut: ``time.monotonic()`` at the end of each connection that ended within a stream.
    """

    transport: asyncio.Transport
    cut: ClassVar[list[float]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Get ready."""
        self.transport = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""
        self.target = b""
        self.streams = False
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        """Read."""
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note when, if it is early."""
        if self.streams:
            self.cut.append(time.monotonic())

    def on_url(self, url: bytes) -> None:
        """Note what is asked for."""
        self.target = url

    def on_body(self, body: bytes) -> None:
        """Collect."""
        self.body += body

    def on_message_complete(self) -> None:
        """Answer by what the body holds."""
        body, self.body = self.body, b""
        if self.target == CUT:
            self.transport.write(_reply(self.cut))
            self.cut.clear()
        elif b'"input"' in body:
            self.transport.write(EMBEDDINGS)
        elif b'"stream"' in body:
            self.transport.write(STREAM_HEAD)
            self.stream(EVENTS, SLOW_PAUSE_S if b'"slow"' in body else EVENT_PAUSE_S)
        else:
            self.transport.write(CHAT)

    def stream(self, left: int, pause_s: float) -> None:
        """Send the next event."""
        self.streams = left > 0
        if left == 0:
            self.transport.write(STREAM_END)
        else:
            self.transport.write(EVENT)
            self.loop.call_later(pause_s, self.stream, left - 1, pause_s)


async def serve(port: int) -> None:
    """Serve until killed."""
    server: Any = await asyncio.get_running_loop().create_server(
        Session, "127.0.0.1", port, backlog=2048
    )
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve(int(sys.argv[1])))
