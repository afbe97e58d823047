"""An endpoint that costs next to nothing: prepared replies over bare asyncio.

The model's name says what to do: ``slow`` waits 200 ms first, anything else answers at once.
"""

from __future__ import annotations

import asyncio
import json
import sys

WORDS = 200
DELAY = 0.2


def _reply(body: bytes, kind: bytes = b"application/json") -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (
        kind,
        len(body),
        body,
    )


HEAD = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "m"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def _chat() -> bytes:
    message = {"role": "assistant", "content": "Hello! How can I help you today?"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    body = {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    return _reply(json.dumps(body).encode())


def _stream() -> bytes:
    def event(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        body = {**HEAD, "object": "chat.completion.chunk", "choices": [choice], "usage": None}
        return b"data: " + json.dumps(body).encode() + b"\n\n"

    events = [event({"role": "assistant", "content": ""})]
    events += [event({"content": f" word{number}"}) for number in range(WORDS)]
    events.append(event({}, "stop"))
    last = {**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
    events += [b"data: " + json.dumps(last).encode() + b"\n\n", b"data: [DONE]\n\n"]
    body = b"".join(events)
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def _vectors(texts: int) -> bytes:
    row = [((number * 7919) % 100_000) / 100_000 - 0.5 for number in range(1024)]
    data = [{"object": "embedding", "index": i, "embedding": row} for i in range(texts)]
    body = {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": texts}}
    return _reply(json.dumps(body).encode())


CHAT, STREAM = _chat(), _stream()
CONFIG = _reply(b'{"oidc_endpoint": "http://127.0.0.1/oidc", "workspace_id": "1", "cloud": "aws"}')
_prepared: dict[int, bytes] = {}


class Connection(asyncio.Protocol):
    """One connection: cuts requests out of the bytes and writes prepared replies."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = 0
            at = head.find(b"content-length:")
            if at >= 0:
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            elif b"chunked" in head:
                raise ValueError("the benchmark's clients send their length")
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(head.split(b" ", 2)[1], body)

    def _answer(self, path: bytes, body: bytes) -> None:
        if not body:
            self._write(CONFIG)
            return
        asked = json.loads(body)
        slow = asked.get("model") == "slow" or b"slow" in path
        if "input" in asked:
            given = asked["input"]
            count = 1 if isinstance(given, str) else len(given)
            reply = _prepared.setdefault(count, b"") or _vectors(count)
            _prepared[count] = reply
        else:
            reply = STREAM if asked.get("stream") else CHAT
        if slow:
            asyncio.get_running_loop().call_later(DELAY, self._write, reply)
        else:
            self._write(reply)

    def _write(self, reply: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(reply)


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
