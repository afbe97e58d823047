"""Calls an ASGI application in process, as one HTTP connection would."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from lakeserve.workers.serve.app import Message, Receive, Scope, Send

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Call:
    """One request; ``hang_up`` closes the connection."""

    def __init__(
        self, app: App, path: str, body: bytes, method: str = "POST", content_type: str = ""
    ) -> None:
        self.status = 0
        self.content_type = b""
        self.headers: dict[bytes, bytes] = {}
        self.chunks: list[bytes] = []
        self.begun = asyncio.Event()
        self._gone = asyncio.Event()
        self._body: bytes | None = body
        headers = [(b"content-type", content_type.encode())] if content_type else []
        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
            self.content_type = self.headers[b"content-type"]
            return
        if message["body"]:
            self.chunks.append(message["body"])
            self.begun.set()

    def hang_up(self) -> None:
        self._gone.set()

    async def done(self) -> "Call":
        await asyncio.wait_for(self.task, 20)
        return self

    def json(self) -> Any:
        return orjson.loads(b"".join(self.chunks))

    def events(self) -> list[Any]:
        """The parsed events of a stream; ``[DONE]`` stays a string."""
        lines = b"".join(self.chunks).split(b"\n\n")
        assert lines[-1] == b""
        assert all(line.startswith(b"data: ") and b"\n" not in line for line in lines[:-1])
        data = [line[6:] for line in lines[:-1]]
        return ["[DONE]" if line == b"[DONE]" else orjson.loads(line) for line in data]


async def call(app: App, path: str, body: object, method: str = "POST") -> Call:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return await Call(app, path, data, method).done()


async def chat(app: App, **fields: Any) -> Call:
    body = {"messages": [{"role": "user", "content": "Hi"}], **fields}
    return await call(app, "/v1/chat/completions", body)
