"""The HTTP interface of a scoring worker: a plain ASGI application."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from typing import Any

import orjson

from lakeserve.workers.batching import Batching
from lakeserve.workers.scoring.batch_queue import BatchQueue
from lakeserve.workers.scoring.batched_model import BatchedModel, Outcome, Request
from lakeserve.workers.scoring.errors import ScoringError
from lakeserve.workers.scoring.model import JSON, Scorable, ScoringModel
from lakeserve.workers.scoring.turns import Turns
from lakeserve.workers.serve.activity import Activity
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.intake import BodyTooLarge, CallerGone, disconnected, read_body
from lakeserve.workers.serve.slots import Slots
from lakeserve.workers.serve.streaming import DONE, event

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

EVENTS_AHEAD = 16

_JSON = (b"content-type", b"application/json")
_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


class ScoringApp:
    """Answers ``/invocations`` once there is a model, a bounded number at a time.

    Args:
        concurrency: Predictions that run at the same time, each in a thread of its own.
        queue: Requests that may wait for one of them to end.
        batching: When requests are predicted together; each of the predictions that run at the
            same time may then be one of a whole batch. None has each predicted by itself.
    """

    def __init__(self, concurrency: int, queue: int, batching: Batching | None = None) -> None:
        self.model: ScoringModel | None = None
        self.pool = ThreadPoolExecutor(concurrency, thread_name_prefix="prediction")
        self._batching = batching
        self._batches: BatchQueue | None = None
        self._turns = Turns(concurrency)
        self._slots = Slots(concurrency * (batching.max_requests if batching else 1), queue)
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
            await _send_error(send, ScoringError(413, "BAD_REQUEST", str(error)))
        except ScoringError as error:
            await _send_error(send, error)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, model = scope["path"], self.model
        if path in {"/health", "/ping"}:
            ready = "loading" if model is None else "ready"
            status = {"status": ready, **self._activity.seen()}
            await _send_json(send, 503 if model is None else 200, orjson.dumps(status))
            return
        if path != "/invocations":
            text = f"This worker has no {path}; it has /invocations and /health."
            raise ScoringError(404, "ENDPOINT_NOT_FOUND", text)
        if scope["method"] != "POST":
            raise ScoringError(405, "BAD_REQUEST", "/invocations takes POST.")
        body = await read_body(receive)
        if model is None:
            raise ScoringError(503, "TEMPORARILY_UNAVAILABLE", "The model is still loading.")
        self._admit()
        with self._activity:
            async with self._slots.slot():
                await self._answer(model, body, _content_type(scope), receive, send)

    def _admit(self) -> None:
        try:
            self._slots.admit(1)
        except ApiError as error:
            wait = error.retry_after_s
            raise ScoringError(
                error.status, "REQUEST_LIMIT_EXCEEDED", error.message, retry_after_s=wait
            ) from None

    async def _answer(
        self, model: ScoringModel, body: bytes, content_type: str, receive: Receive, send: Send
    ) -> None:
        answer = await self._outcome(model, Request(body, content_type))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            await _send_json(send, 200, answer)
            return
        sending = asyncio.ensure_future(self._send_events(model, answer, send))
        gone = asyncio.ensure_future(disconnected(receive))
        await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        sending.cancel()  # does nothing to one that is done
        await asyncio.wait((sending,))
        if not sending.cancelled():
            sending.result()

    async def _outcome(self, model: ScoringModel, request: Request) -> Outcome:
        batching = self._batching
        if batching is None:
            return await self._turns.run(partial(_score, model, request))
        if self._batches is None:
            self._batches = BatchQueue(
                BatchedModel(model, batching.max_rows),
                self._turns,
                batching.max_requests,
                batching.max_wait_ms / 1000,
            )
        outcome = await self._batches.ask(request)
        if isinstance(outcome, Scorable) and not outcome.stream:
            return await self._turns.run(partial(model.predict, outcome))
        return outcome

    async def _send_events(self, model: ScoringModel, asked: Scorable, send: Send) -> None:
        """Send a stream; errors before its first event are ordinary error replies."""
        async with aclosing(self._events(model, asked)) as events:
            first = await anext(events, DONE)
            await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            try:
                async for each in events:
                    await send({"type": "http.response.body", "body": each, "more_body": True})
            except ScoringError as error:
                closing = event({"error": error.body(), **error.body()})
                await send({"type": "http.response.body", "body": closing, "more_body": True})
            last = b"" if first == DONE else DONE
            await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _events(self, model: ScoringModel, asked: Scorable) -> AsyncGenerator[bytes, None]:
        """The model's events from one thread; left early, the model stops at its next event."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(EVENTS_AHEAD)
        gone = threading.Event()

        def put(item: bytes | None) -> None:
            asyncio.run_coroutine_threadsafe(queue.put(item), loop).result()

        def produce() -> None:
            try:
                for each in model.events(asked):
                    if gone.is_set():
                        return
                    put(each)
            finally:
                put(None)

        work = loop.run_in_executor(self.pool, produce)
        over = False
        try:
            while (item := await queue.get()) is not None:
                yield item
            over = True
        finally:
            gone.set()
            while not over:  # the thread may wait for room
                over = await queue.get() is None
            await asyncio.wait((work,))
        await work


def _score(model: ScoringModel, request: Request) -> bytes | Scorable:
    """The answer, or what is still to be streamed."""
    asked = model.read(request.body, request.content_type)
    return asked if asked.stream else model.predict(asked)


def _content_type(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"content-type":
            return str(value.decode("latin-1"))
    return JSON


async def _send_error(send: Send, error: ScoringError) -> None:
    wait = error.retry_after_s
    extra = () if wait is None else ((b"retry-after", b"%d" % wait),)
    await _send_json(send, error.status, orjson.dumps(error.body()), extra)


async def _send_json(
    send: Send, status: int, body: bytes, extra: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    headers = [_JSON, (b"content-length", b"%d" % len(body)), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
