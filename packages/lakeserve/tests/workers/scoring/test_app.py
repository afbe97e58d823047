import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
from lakeserve.workers.batching import Batching
from lakeserve.workers.scoring.app import ScoringApp
from workers.asgi_caller import Call
from workers.scoring.scripted_model import ARRAY_NAMES, Pyfunc, scoring_model

INVOCATIONS = "/invocations"


def app_of(pyfunc: Pyfunc, concurrency: int = 2, queue: int = 4) -> ScoringApp:
    app = ScoringApp(concurrency, queue)
    app.model = scoring_model(pyfunc)
    return app


def ask(app: ScoringApp, body: Any = None, **fields: Any) -> Call:
    return Call(app, INVOCATIONS, orjson.dumps(body or {"inputs": [1]}), **fields)


async def test_a_prediction() -> None:
    reply = await ask(app_of(Pyfunc())).done()
    assert (reply.status, reply.json()) == (200, {"predictions": [1]})
    assert reply.content_type == b"application/json"


async def test_health() -> None:
    app = ScoringApp(1, 1)
    loading = await Call(app, "/health", b"", "GET").done()
    assert (loading.status, loading.json()["status"]) == (503, "loading")
    assert (await ask(app).done()).status == 503
    app.model = scoring_model(Pyfunc())
    ready = await Call(app, "/health", b"", "GET").done()
    assert (ready.status, ready.json()["status"], ready.json()["active"]) == (200, "ready", 0)


async def test_refusals() -> None:
    app = app_of(Pyfunc())
    assert (await Call(app, "/else", b"").done()).status == 404
    assert (await Call(app, INVOCATIONS, b"", "GET").done()).status == 405
    other = await Call(app, INVOCATIONS, b"", content_type="text/html").done()
    assert (other.status, other.json()["error_code"]) == (415, "BAD_REQUEST")
    csv = await Call(app, INVOCATIONS, b"1", content_type="text/csv").done()
    assert csv.json() == {"predictions": [["1"]]}


async def test_a_bounded_number_at_a_time() -> None:
    running, most, lock = 0, 0, threading.Lock()
    gate, both = threading.Event(), threading.Event()

    def predict(data: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if most == 2:
            both.set()
        gate.wait(20)
        with lock:
            running -= 1
        return data

    app = app_of(Pyfunc(predict), concurrency=2, queue=3)
    calls = [ask(app) for _ in range(6)]
    await asyncio.wait([call.task for call in calls], return_when=asyncio.FIRST_COMPLETED)
    health = await Call(app, "/health", b"", "GET").done()
    assert health.json()["active"] == 5
    # The second prediction starts when the first one takes its time.
    assert await asyncio.to_thread(both.wait, 20)
    gate.set()
    replies = [await call.done() for call in calls]
    assert [reply.status for reply in replies] == [200] * 5 + [429]
    assert replies[5].json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert replies[5].headers[b"retry-after"] == b"1"
    assert most == 2


async def test_a_stream() -> None:
    def stream(data: Any) -> Iterator[Any]:
        yield from ({"n": n} for n in range(40))

    reply = await ask(app_of(Pyfunc(stream=stream)), {"messages": [], "stream": True}).done()
    assert reply.content_type.startswith(b"text/event-stream")
    assert reply.events() == [*({"n": n} for n in range(40)), "[DONE]"]


async def test_failures_before_and_after_the_first_event() -> None:
    def late(data: Any) -> Iterator[Any]:
        yield 1
        raise ValueError("late")

    body = {"messages": [], "stream": True}
    early = await ask(app_of(Pyfunc()), body).done()
    assert (early.status, early.json()["error_code"]) == (400, "BAD_REQUEST")
    reply = await ask(app_of(Pyfunc(stream=late)), body).done()
    first, failure, done = reply.events()
    assert (first, done) == (1, "[DONE]")
    assert failure["error"]["message"] == "The model failed: ValueError: late"


async def test_a_caller_who_leaves_stops_the_model() -> None:
    said = 0
    over = threading.Event()

    def stream(data: Any) -> Iterator[Any]:
        nonlocal said
        try:
            while True:
                said += 1
                yield said
                time.sleep(0.005)
        finally:
            over.set()

    app = app_of(Pyfunc(stream=stream), concurrency=1)
    call = ask(app, {"messages": [], "stream": True})
    await asyncio.wait_for(call.begun.wait(), 20)
    call.hang_up()
    await call.done()
    assert over.wait(20)
    health = await Call(app, "/health", b"", "GET").done()
    assert health.json()["active"] == 0
    assert (await ask(app).done()).status == 200


async def test_batches() -> None:
    def predict(data: Any) -> Any:
        if 13 in data:
            raise ValueError("unlucky")
        return data * 2

    pyfunc = Pyfunc(predict, stream=lambda data: iter(["word"]))
    app = ScoringApp(1, 4, Batching(8, 10_000))
    app.model = scoring_model(pyfunc, ARRAY_NAMES)
    calls = [ask(app, {"inputs": [n]}) for n in range(6)]
    calls += [ask(app, {"nothing": 1}), ask(app, {"messages": [], "stream": True})]
    *answers, refused, stream = [await call.done() for call in calls]
    assert [each.json() for each in answers] == [{"predictions": [2 * n]} for n in range(6)]
    assert refused.status == 400
    assert stream.events() == ["word", "[DONE]"]
    assert len(pyfunc.asked) == 1

    calls = [ask(app, {"inputs": [n]}) for n in range(10, 18)]
    assert [(await call.done()).status for call in calls] == [200] * 3 + [400] + [200] * 4
    assert [len(data) for data, _ in pyfunc.asked] == [6, 8, *[1] * 8]


async def test_batches_end_at_the_queue_too() -> None:
    gate = threading.Event()

    def predict(data: Any) -> Any:
        gate.wait(20)
        return data

    app = ScoringApp(1, 1, Batching(2, 0))
    app.model = scoring_model(Pyfunc(predict), ARRAY_NAMES)
    calls = [ask(app, {"inputs": [n]}) for n in range(4)]
    await asyncio.wait([call.task for call in calls], return_when=asyncio.FIRST_COMPLETED)
    gate.set()
    assert [(await call.done()).status for call in calls] == [200] * 3 + [429]
