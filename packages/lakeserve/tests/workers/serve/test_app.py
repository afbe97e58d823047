import asyncio

import pytest
from lakeserve.workers.serve.app import WorkerApp
from workers.asgi_caller import Call, call, chat
from workers.scripted_engine import ScriptedEngine, chat_steps, serving
from workers.waiting import until

BODY = b'{"messages": [{"role": "user", "content": "Hi"}]%s}'


async def test_health_tells_whether_the_model_is_loaded() -> None:
    loading = await call(WorkerApp("chat"), "/health", b"", "GET")
    assert (loading.status, loading.json()["status"]) == (503, "loading")
    with serving(ScriptedEngine()) as app:
        ready = await call(app, "/health", b"", "GET")
    assert (ready.status, ready.json()["status"]) == (200, "ready")


async def test_health_tells_how_busy_the_worker_is() -> None:
    engine = ScriptedEngine()
    engine.release.clear()
    with serving(engine) as app:
        calling = asyncio.ensure_future(chat(app))
        await until(lambda: bool(engine.requests))
        busy = (await call(app, "/health", b"", "GET")).json()
        engine.release.set()
        await calling
        idle = (await call(app, "/health", b"", "GET")).json()
    assert (busy["active"], busy["idle_s"]) == (1, 0)
    assert idle["active"] == 0
    assert idle["idle_s"] >= 0


async def test_calls_before_the_model_is_loaded() -> None:
    early = await chat(WorkerApp("chat"))
    assert (early.status, early.json()["error"]["code"]) == (503, "model_loading")


@pytest.mark.parametrize(
    ("kind", "path", "method", "status"),
    [
        ("chat", "/v1/embeddings", "POST", 404),
        ("embedding", "/v1/chat/completions", "POST", 404),
        ("chat", "/v1/chat/completions", "GET", 405),
        ("chat", "/", "POST", 404),
    ],
)
async def test_other_paths_and_methods(kind: str, path: str, method: str, status: int) -> None:
    with serving(ScriptedEngine(), kind) as app:
        reply = await call(app, path, b"{}", method)
    assert reply.status == status
    assert set(reply.json()["error"]) == {"message", "type", "code", "param"}


async def test_a_body_that_is_no_json() -> None:
    with serving(ScriptedEngine()) as app:
        reply = await call(app, "/v1/chat/completions", b"{oops")
    assert (reply.status, reply.json()["error"]["code"]) == (400, "invalid_json")


async def test_an_error_before_the_first_token_is_no_stream() -> None:
    engine = ScriptedEngine()
    engine.refusal = "bad schema"
    with serving(engine) as app:
        reply = await chat(app, stream=True)
    assert (reply.status, reply.content_type) == (400, b"application/json")
    assert "bad schema" in reply.json()["error"]["message"]


async def test_an_error_within_a_stream_is_its_last_event() -> None:
    steps = [*chat_steps("a")[:3], {"error": {"code": 500, "message": "lost", "type": "x"}}]
    with serving(ScriptedEngine(steps)) as app:
        reply = await chat(app, stream=True)
    assert reply.status == 200
    *_, last = reply.events()
    assert last["error"]["message"] == "lost"


@pytest.mark.parametrize("stream", [b"", b', "stream": true'])
async def test_a_caller_that_goes_away_stops_the_engine(stream: bytes) -> None:
    engine = ScriptedEngine()
    engine.endless = True
    with serving(engine) as app:
        going = Call(app, "/v1/chat/completions", BODY % stream)
        await until(lambda: engine.tokens >= 5)
        going.hang_up()
        await going.done()
        produced = engine.tokens
        await until(lambda: engine.stopped)
        assert engine.tokens - produced <= 20
        slots = app.model.slots if app.model else None
        await until(lambda: slots is not None and slots.claimed == 0)


async def test_a_caller_that_goes_away_before_the_body_is_complete() -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        raise AssertionError(message)

    with serving(ScriptedEngine()) as app:
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions"}
        await app(scope, receive, send)


async def test_a_full_queue_answers_429() -> None:
    engine = ScriptedEngine()
    engine.release.clear()
    with serving(engine, slots=1, queue=5) as app:
        waiting = [asyncio.ensure_future(chat(app)) for _ in range(6)]
        await asyncio.sleep(0.1)
        refused = await chat(app)
        engine.release.set()
        answered = await asyncio.gather(*waiting)
    assert refused.status == 429
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert refused.headers[b"retry-after"] == b"1"
    assert {reply.status for reply in answered} == {200}
