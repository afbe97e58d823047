"""Calls that go past ASGI: the same answers in whatever pieces, and nothing left behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import orjson
import pytest
import uvicorn
from gateway.stage import CHAT, HELLO, STREAM, Stage
from gateway.strict_upstream import LAST_CHUNK, chunk, chunked_head, until, whole
from gateway.test_server import call, reply
from lakeserve.core.ai_gateway import AiGateway, RateLimit
from lakeserve.core.endpoints import Address
from lakeserve.core.ids import request_id
from lakeserve.gateway.app import direct_route
from lakeserve.gateway.direct import Front
from lakeserve.gateway.exchange import Exchange

PATH = "/serving-endpoints/my-chat/invocations"


@asynccontextmanager
async def serving(stage: Stage, call_s: float = 5.0, idle_s: float = 5.0) -> AsyncIterator[int]:
    config = uvicorn.Config(
        stage.gateway,
        port=0,
        http=cast(Any, Front(stage.gateway, call_s, idle_s)),
        lifespan="off",
        log_level="critical",
        ws="none",
    )
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server.serve())
    await until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@pytest.fixture
async def port(stage: Stage) -> AsyncIterator[int]:
    async with serving(stage) as number:
        yield number


@pytest.fixture
def admitted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """The calls that took the short cut."""
    taken: list[Exchange] = []
    admit = stage.gateway.admit

    def noted(*args: Any) -> Exchange | None:
        exchange = admit(*args)
        if exchange is not None:
            taken.append(exchange)
        return exchange

    monkeypatch.setattr(stage.gateway, "admit", noted)
    return taken


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_bytes_in_any_pieces(
    stage: Stage, admitted: list[Exchange], port: int, size: int
) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    raw = call(HELLO, PATH) * 3
    for start in range(0, len(raw), size):
        line[1].write(raw[start : start + size])
        await asyncio.sleep(0)
    assert [await reply(line) for _ in range(3)] == [(200, b"{}")] * 3
    assert len(admitted) == 3
    assert [seen.json()["messages"] for seen in stage.worker.seen] == [HELLO["messages"]] * 3
    line[1].close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (call(HELLO, f"{PATH}?x=1"), 200),
        (call(HELLO, PATH.replace("chat", "%63hat")), 200),
        (call(HELLO, CHAT, method="PUT"), 405),
        (call(HELLO, "/serving-endpoints/responses"), 400),
        (call(b"x" * 200_000, PATH), 413),
        (call(HELLO, PATH).replace(b"dapi-", b"dapi-no-"), 403),
        (call(HELLO, PATH).replace(b"authorization", b"x-authorized"), 401),
    ],
)
async def test_the_ordinary_way(
    stage: Stage, admitted: list[Exchange], port: int, request_bytes: bytes, status: int
) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(request_bytes)
    answered, _ = await reply(line)
    assert answered == status or (status == 400 and answered in {400, 501})
    assert admitted == [] or status == 400
    line[1].write(call(HELLO, PATH))
    assert await reply(line) == (200, b"{}")
    assert admitted
    line[1].close()


async def test_refusals_look_the_same(stage: Stage, admitted: list[Exchange], port: int) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    for body, path, status in (
        (b"{", PATH, 400),
        ({**HELLO, "model": "nobody"}, CHAT, 404),
        ({"model": "my-chat"}, CHAT, 400),
    ):
        line[1].write(call(body, path))
        answered, text = await reply(line)
        assert answered == status
        assert set(orjson.loads(text)) == {"error_code", "message"}
    assert len(admitted) == 3
    line[1].close()


async def test_headers(stage: Stage, port: int) -> None:
    stage.govern("my-chat", AiGateway(rate_limits=(RateLimit(calls=1),)))
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(HELLO, PATH, "connection: close"))
    raw = (await line[0].read()).partition(b"\r\n\r\n")[0].split(b"\r\n")
    fields = dict(row.split(b": ", 1) for row in raw[1:])
    assert raw[0] == b"HTTP/1.1 501 Not Implemented"
    assert fields[b"connection"] == b"close"
    assert fields[b"x-request-id"] == fields[b"x-databricks-request-id"]
    assert b"date" in fields
    line[1].close()


async def test_connection_close(stage: Stage, admitted: list[Exchange], port: int) -> None:
    stage.worker.script = lambda _: [chunked_head(), chunk(b"data: 1\n\n"), LAST_CHUNK]
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(STREAM, PATH, "connection: close"))
    raw = await asyncio.wait_for(line[0].read(), 5)
    assert raw.endswith(b"9\r\ndata: 1\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    assert len(admitted) == 1
    line[1].close()


async def test_who_leaves_while_it_sends(stage: Stage, admitted: list[Exchange], port: int) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(HELLO, PATH)[:-5])
    await until(lambda: admitted)
    line[1].transport.abort()
    await until(lambda: admitted[0].disconnected)
    assert stage.worker.seen == []
    assert stage.gateway.in_flight == 0


async def test_a_slow_caller_holds_the_upstream_back(stage: Stage) -> None:
    event = b"data: " + b"x" * 100_000 + b"\n\n"
    end = [chunk(b"data: [DONE]\n\n"), LAST_CHUNK]
    stage.worker.script = lambda _: [chunked_head(), *[chunk(event)] * 200, *end]
    async with serving(stage, call_s=60) as port:
        line = await asyncio.open_connection("127.0.0.1", port)
        line[1].write(call(STREAM, PATH))
        await until(lambda: stage.worker.sessions)
        await asyncio.sleep(0.3)
        (session,) = stage.worker.sessions
        assert session.transport.get_write_buffer_size() > 5_000_000
        status, body = await reply(line)
        assert status == 200
        assert body == event * 200 + b"data: [DONE]\n\n"
        line[1].close()


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_who_takes_too_long(stage: Stage, body: dict[str, Any]) -> None:
    stage.worker.script = lambda _: [5.0]
    async with serving(stage, call_s=0.2) as port:
        line = await asyncio.open_connection("127.0.0.1", port)
        line[1].write(call(body, PATH))
        status, text = await reply(line)
        assert (status, orjson.loads(text)["error_code"]) == (504, "DEADLINE_EXCEEDED")
        line[1].close()
    assert [record.status for record in stage.ledger.records] == [504]


@pytest.mark.parametrize("sent", [b"", b"POST ", call(HELLO, PATH)[:-3]])
async def test_who_never_comes_to_the_point_is_let_go(stage: Stage, sent: bytes) -> None:
    async with serving(stage, call_s=0.3, idle_s=0.3) as port:
        line = await asyncio.open_connection("127.0.0.1", port)
        line[1].write(sent)
        assert await asyncio.wait_for(line[0].read(), 5) == b""
        line[1].close()


async def test_an_idle_connection_is_closed_after_its_answer(stage: Stage) -> None:
    async with serving(stage, idle_s=0.4) as port:
        line = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            line[1].write(call(HELLO, PATH))
            assert (await reply(line))[0] == 200
        assert await asyncio.wait_for(line[0].read(), 5) == b""
        line[1].close()


async def test_closing_ends_calls(stage: Stage, port: int) -> None:
    stage.worker.script = lambda _: [asyncio.Event()]
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(HELLO, PATH))
    await until(lambda: stage.worker.seen)
    closing = asyncio.ensure_future(stage.gateway.aclose(0.05))
    status, text = await reply(line)
    assert (status, orjson.loads(text)["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    await closing
    line[1].close()


async def test_a_fault_of_our_own(
    stage: Stage, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(entity_id: str) -> Address:
        raise RuntimeError("a secret detail")

    stage.activator.activate = broken  # type: ignore[method-assign]
    stage.worker.stop_listening()
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(HELLO, PATH))
    status, text = await reply(line)
    assert (status, orjson.loads(text)["error_code"]) == (500, "INTERNAL_ERROR")
    assert b"secret" not in text
    assert "a secret detail" in caplog.text
    line[1].close()


@pytest.mark.parametrize(
    ("url", "is_direct"),
    [
        (b"/serving-endpoints/a/invocations", True),
        (b"/serving-endpoints/chat/completions", True),
        (b"/serving-endpoints/a/served-models/b/invocations", True),
        (b"/serving-endpoints/a/invocations?x", False),
        (b"/serving-endpoints/a%20b/invocations", False),
        (b"http://h/serving-endpoints/a/invocations", False),
        (b"/api/2.0/serving-endpoints", False),
        (b"/serving-endpoints/\xff/invocations", False),
    ],
)
def test_direct_route(url: bytes, is_direct: bool) -> None:
    assert (direct_route(url) is not None) is is_direct


def test_request_ids_differ() -> None:
    assert len({request_id() for _ in range(10_000)}) == 10_000


async def test_whole_answers_after_a_kept_connection_died(stage: Stage, port: int) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        line[1].write(call(HELLO, PATH))
        assert await reply(line) == (200, b"{}")
        stage.worker.drop_all()
    stage.worker.script = lambda _: [whole(200, b'{"n": 2}')]
    line[1].write(call(HELLO, PATH))
    assert await reply(line) == (200, b'{"n": 2}')
    line[1].close()
