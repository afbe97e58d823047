"""The worker's HTTP interface: a plain ASGI application."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from lakeserve.workers.serve import chat, completions, embeddings
from lakeserve.workers.serve.activity import Activity
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.fields import Body, read_object
from lakeserve.workers.serve.intake import BodyTooLarge, CallerGone, disconnected, read_body
from lakeserve.workers.serve.model import LoadedModel
from lakeserve.workers.serve.streaming import error_event

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

_JSON = (b"content-type", b"application/json")
_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer in one piece."""

    answer: Awaitable[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer as server-sent events."""

    events: AsyncGenerator[bytes, None]


class WorkerApp:
    """Routes calls to the model, once there is one."""

    def __init__(self, kind: Literal["chat", "embedding"]) -> None:
        self._kind = kind
        self.model: LoadedModel | None = None
        self._activity = Activity()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            await self._serve(scope, receive, send)
        except CallerGone:
            return
        except BodyTooLarge as error:
            await _send_error(send, ApiError(413, str(error), code="too_large"))
        except ApiError as error:
            await _send_error(send, error)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path == "/health":
            ready = self.model is not None
            status = {"status": "ready" if ready else "loading", **self._activity.seen()}
            await _send_json(send, 200 if ready else 503, status)
            return
        prepare = self._route(path)
        if method != "POST":
            raise ApiError(405, f"{path} takes POST, not {method}.", code="method_not_allowed")
        body = await read_body(receive)
        if self.model is None:
            raise ApiError(
                503, "The model is still loading.", kind="server_error", code="model_loading"
            )
        answer = prepare(read_object(body), self.model)
        with self._activity:
            await _until_gone(_respond(answer, send), receive)

    def _route(self, path: str) -> Callable[[Body, LoadedModel], Whole | Streamed]:
        routes = _EMBEDDING_ROUTES if self._kind == "embedding" else _CHAT_ROUTES
        prepare = routes.get(path)
        if prepare is None:
            listed = ", ".join(sorted(routes))
            raise ApiError(
                404,
                f"This worker serves a {self._kind} model and has no {path}; it has {listed}.",
                code="unknown_path",
            )
        return prepare


def _chat(body: Body, model: LoadedModel) -> Whole | Streamed:
    request = chat.read_request(body, model)
    if request.stream:
        return Streamed(chat.stream(request, model))
    return Whole(chat.reply(request, model))


def _completions(body: Body, model: LoadedModel) -> Whole | Streamed:
    request = completions.read_request(body, model)
    if request.stream:
        return Streamed(completions.stream(request, model))
    return Whole(completions.reply(request, model))


def _embeddings(body: Body, model: LoadedModel) -> Whole | Streamed:
    return Whole(embeddings.reply(embeddings.read_request(body, model), model))


_CHAT_ROUTES = {"/v1/chat/completions": _chat, "/v1/completions": _completions}
_EMBEDDING_ROUTES = {"/v1/embeddings": _embeddings}


async def _respond(answer: Whole | Streamed, send: Send) -> None:
    if isinstance(answer, Whole):
        try:
            reply = await answer.answer
        except ApiError as error:
            await _send_error(send, error)
        else:
            await _send_json(send, 200, reply)
        return
    async with aclosing(answer.events) as events:
        await _send_events(events, send)


async def _send_events(events: AsyncGenerator[bytes, None], send: Send) -> None:
    """Send a stream; errors before its first event are ordinary error replies."""
    try:
        first = await anext(events)
    except ApiError as error:
        await _send_error(send, error)
        return
    await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
    await send({"type": "http.response.body", "body": first, "more_body": True})
    try:
        async for event in events:
            await send({"type": "http.response.body", "body": event, "more_body": True})
    except ApiError as error:
        _log.error("stream ended with an error: %s", error.message)
        closing = error_event(error)
        await send({"type": "http.response.body", "body": closing, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(work: Awaitable[None], receive: Receive) -> None:
    """Run ``work``; when the caller goes away, cancel it, which stops the engine."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not working.done():
            working.cancel()
        await asyncio.wait((working,))
    if not working.cancelled():
        working.result()


async def _send_error(send: Send, error: ApiError) -> None:
    wait = error.retry_after_s
    extra = () if wait is None else ((b"retry-after", str(wait).encode()),)
    await _send_json(send, error.status, error.body(), extra)


async def _send_json(send: Send, status: int, value: object, extra: Sequence[Header] = ()) -> None:
    body = orjson.dumps(value)
    headers = [_JSON, (b"content-length", str(len(body)).encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
