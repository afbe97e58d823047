"""The stub's HTTP server: in a thread of its own, recording requests, playing replies."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import orjson
from aiohttp import web
from langchain_lakeserve._json import JSONObject, JSONValue

from strict_endpoint import chat, embeddings, responses
from strict_endpoint.refusal import Refusal

TOKEN = "dapi-stub"


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: JSONValue


@dataclass(frozen=True)
class Scripted:
    """One reply to play instead of the stub's own.

    Attributes:
        pieces: The body; more than one piece are sent one by one.
        delay: Seconds to wait before the head of the reply.
        pause: Seconds to wait between pieces.
        cut: Break the connection after the last piece.
    """

    pieces: Sequence[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pause: float = 0.0
    cut: bool = False


def json_reply(body: JSONValue, status: int = 200, **headers: str) -> Scripted:
    """Script a JSON reply."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Scripted([orjson.dumps(body)], status, {"content-type": "application/json", **names})


def sse_reply(
    events: Sequence[JSONObject], *, done: bool = True, cut: bool = False, pause: float = 0.0
) -> Scripted:
    """Script a stream, one event a piece."""
    pieces = [b"data: " + orjson.dumps(event) + b"\n\n" for event in events]
    if done:
        pieces.append(b"data: [DONE]\n\n")
    return Scripted(pieces, headers={"content-type": "text/event-stream"}, cut=cut, pause=pause)


class StubServer:
    """A strict endpoint that answers chats, embeddings and driver apps on loopback.

    Example:
        >>> with StubServer() as server:
        ...     server.host.startswith("http://127.0.0.1:")
        True
    """

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.requests: list[Recorded] = []
        self.scripts: deque[Scripted] = deque()
        self.tasks: dict[str, str | None] = {}
        self.open_streams = 0
        self.token = TOKEN
        self.host = ""
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stopped: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> StubServer:
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stopped is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)
        self._loop.close()

    def play(self, *scripts: Scripted) -> None:
        """Answer the next requests with these."""
        self.scripts.extend(scripts)

    def last(self) -> Recorded:
        """Return the last request."""
        return self.requests[-1]

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        self._stopped = asyncio.Event()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._started.set()
        await self._stopped.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = orjson.loads(raw) if raw else None
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Recorded(request.method, request.path, headers, body))
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.scripts:
            return await self._play(request, self.scripts.popleft())
        try:
            if headers.get("authorization") != f"Bearer {self.token}":
                raise Refusal(401, "UNAUTHENTICATED", "Credential was not sent or is unknown.")
            return await self._answer(request, body)
        except Refusal as refusal:
            return web.json_response(
                {"error_code": refusal.code, "message": refusal.message},
                status=refusal.status,
                headers={"x-request-id": "req-stub", **refusal.headers},
            )

    async def _answer(self, request: web.Request, body: JSONValue) -> web.StreamResponse:
        path = request.path
        if request.method == "GET":
            return web.json_response(self._describe(path))
        if not isinstance(body, dict):
            raise Refusal(400, "BAD_REQUEST", "the body must be a JSON object")
        if path.startswith("/driver-proxy-api/o/"):
            return web.json_response(chat.complete_prompt(body))
        if path.endswith("/chat/completions"):
            return await self._chat(request, body)
        if path.endswith("/responses"):
            reply = responses.answer(body)
            if body.get("stream"):
                return await self._play(request, sse_reply(responses.events(reply), done=False))
            return web.json_response(reply)
        if path.endswith("/invocations"):
            return await self._invoke(request, path.split("/")[2], body)
        raise Refusal(404, "ENDPOINT_NOT_FOUND", f"No API found for 'POST {path}'")

    def _describe(self, path: str) -> JSONObject:
        name = path.rsplit("/", 1)[-1]
        if name not in self.tasks:
            raise Refusal(
                404, "RESOURCE_DOES_NOT_EXIST", f"Endpoint with name '{name}' does not exist."
            )
        task = self.tasks[name]
        return {"name": name, **({"task": task} if task else {})}

    async def _invoke(
        self, request: web.Request, name: str, body: JSONObject
    ) -> web.StreamResponse:
        task = self.tasks.get(name)
        if "input" in body:
            return web.json_response(body=orjson.dumps(embeddings.answer(name, body)))
        if task == "llm/v1/chat":
            return await self._chat(request, {"model": name, **body})
        if task == "llm/v1/completions":
            return await self._completion(request, name, body)
        return web.json_response(chat.predict(body))

    async def _chat(self, request: web.Request, body: JSONObject) -> web.StreamResponse:
        reply = chat.answer(body)
        if not body.get("stream"):
            return web.Response(body=orjson.dumps(reply), content_type="application/json")
        return await self._play(request, sse_reply(chat.events(reply, body)))

    async def _completion(
        self, request: web.Request, name: str, body: JSONObject
    ) -> web.StreamResponse:
        reply = chat.completion(name, body)
        if not body.get("stream"):
            return web.json_response(reply)
        events = chat.completion_events(reply)
        return await self._play(request, sse_reply(events))

    async def _play(self, request: web.Request, script: Scripted) -> web.StreamResponse:
        if script.delay:
            await asyncio.sleep(script.delay)
        if len(script.pieces) == 1 and not script.cut:
            return web.Response(body=script.pieces[0], status=script.status, headers=script.headers)
        if not script.pieces and request.transport is not None:
            request.transport.abort()
            raise ConnectionResetError
        response = web.StreamResponse(status=script.status, headers=script.headers)
        await response.prepare(request)
        self.open_streams += 1
        try:
            for piece in script.pieces:
                await response.write(piece)
                if script.pause:
                    await asyncio.sleep(script.pause)
        finally:
            self.open_streams -= 1
        if script.cut and request.transport is not None:
            request.transport.abort()
        return response
