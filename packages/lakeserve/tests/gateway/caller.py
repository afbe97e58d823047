"""Calls an ASGI callable in process, as a client that can also be slow or leave."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from lakeserve.core.identity import DEVELOPMENT_TOKEN

AsgiApp = Callable[..., Awaitable[None]]
VALID = f"Bearer {DEVELOPMENT_TOKEN}"


@dataclass
class Answer:
    """What the callable has sent so far.

    Attributes:
        parts: Non-empty bodies, one per message.
        finished: Whether it has said that this is all.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    finished: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        value = self.json()
        assert set(value) == {"error_code", "message"}
        return self.status, value["error_code"], value["message"]


class LiveCall:
    """A call under way."""

    def __init__(self, app: AsgiApp, scope: dict[str, Any], parts: Sequence[bytes]) -> None:
        self.answer = Answer()
        self.takes = asyncio.Event()
        self.takes.set()
        self._gone = asyncio.Event()
        self._news = asyncio.Event()
        self._parts = list(parts) or [b""]
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    def leave(self) -> None:
        """Close the connection."""
        self._gone.set()

    async def parts(self, count: int) -> None:
        """Wait until so many parts have come."""
        while len(self.answer.parts) < count:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 5)

    async def done(self) -> Answer:
        await asyncio.wait_for(self.task, 10)
        return self.answer

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._parts and not self._gone.is_set():
            part = self._parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts)}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        await self.takes.wait()
        answer = self.answer
        if message["type"] == "http.response.start":
            assert answer.status == 0
            answer.status = message["status"]
            answer.headers = {n.decode(): v.decode() for n, v in message["headers"]}
            return
        assert answer.status
        assert not answer.finished
        if message["body"]:
            answer.parts.append(message["body"])
        answer.finished = not message["more_body"]
        self._news.set()


class Caller:
    """Sends requests to one callable."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    def start(
        self,
        path: str,
        body: object = None,
        *,
        method: str = "POST",
        authorization: str | None = VALID,
        headers: Mapping[str, str] | None = None,
        parts: Sequence[bytes] | None = None,
    ) -> LiveCall:
        """Begin a call. ``body`` is JSON, or bytes as they are; ``parts`` go without a length."""
        raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        sent = {"content-type": "application/json"}
        if parts is None:
            sent["content-length"] = str(len(raw))
        else:
            sent["transfer-encoding"] = "chunked"
        if authorization is not None:
            sent["authorization"] = authorization
        sent.update(headers or {})
        target, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": target,
            "raw_path": target.encode(),
            "query_string": query.encode(),
            "headers": [(n.encode(), v.encode()) for n, v in sent.items()],
        }
        return LiveCall(self._app, scope, [raw] if parts is None else parts)

    async def call(self, path: str, body: object = None, **more: Any) -> Answer:
        """A call from beginning to end."""
        return await self.start(path, body, **more).done()
