"""The gateway behind the server that it runs on, over real connections."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
import uvicorn
from gateway.caller import VALID
from gateway.stage import CHAT, CLUSTER, HELLO, MAX_REQUEST_BYTES, STREAM, Stage
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, until, whole
from lakeserve.gateway.direct import Front
from lakeserve.gateway.driver_proxy import FIRST_PORT
from lakeserve.gateway.joined_writes import JoinedWritesProtocol

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(params=["httptools", JoinedWritesProtocol, Front])
async def port(stage: Stage, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    protocol = request.param
    if protocol is Front:
        protocol = Front(stage.gateway, call_timeout_s=5.0, idle_timeout_s=5.0)
    config = uvicorn.Config(
        stage.gateway, port=0, http=protocol, lifespan="off", log_level="critical", ws="none"
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    await until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


def call(body: object, target: str = CHAT, *headers: str, method: str = "POST") -> bytes:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = (
        f"{method} {target} HTTP/1.1",
        "host: x",
        f"authorization: {VALID}",
        f"content-length: {len(raw)}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


async def reply(line: Line) -> tuple[int, bytes]:
    """Status and body of the next reply on a connection."""
    head = await asyncio.wait_for(line[0].readuntil(b"\r\n\r\n"), 5)
    status = int(head.split()[1])
    fields = dict(row.lower().split(b": ", 1) for row in head.split(b"\r\n")[1:-2])
    if b"content-length" in fields:
        return status, await line[0].readexactly(int(fields[b"content-length"]))
    body = b""
    while size := int(await line[0].readline(), 16):
        body += (await line[0].readexactly(size + 2))[:-2]
    await line[0].readline()
    return status, body


async def test_one_connection_many_calls(stage: Stage, port: int) -> None:
    events = [b"data: %d\n\n" % number for number in range(5)] + [b"data: [DONE]\n\n"]

    def script(seen: Seen) -> list[Step]:
        if "stream" in seen.json():
            return [chunked_head(), *(chunk(event) for event in events), LAST_CHUNK]
        return [whole(200, b'{"n": 1}')]

    stage.worker.script = script
    line = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        line[1].write(call(HELLO))
        assert await reply(line) == (200, b'{"n": 1}')
        line[1].write(call(STREAM))
        assert await reply(line) == (200, b"".join(events))
        line[1].write(call(b"{"))
        assert (await reply(line))[0] == 400
    line[1].write(call(HELLO) + call(STREAM) + call(HELLO))
    assert [(await reply(line))[0] for _ in range(3)] == [200, 200, 200]
    line[1].close()
    assert stage.worker.opened == 1


async def test_absolute_targets(stage: Stage, port: int) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(HELLO, f"http://127.0.0.1:{port}{CHAT}"))
    assert (await reply(line))[0] == 200
    line[1].close()


async def test_oversized(stage: Stage, port: int) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(b"x" * (MAX_REQUEST_BYTES + 1)))
    status, body = await reply(line)
    assert (status, orjson.loads(body)["error_code"]) == (413, "BAD_REQUEST")
    line[1].close()


@pytest.mark.parametrize("target", [CHAT, "/serving-endpoints/nobody/invocations"])
async def test_who_sends_much_and_closes_reads_its_answer(
    stage: Stage, port: int, target: str
) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(b"x" * 20_000_000, target, "connection: close"))
    await line[1].drain()
    status, _ = await reply(line)
    assert status in {404, 413}
    line[1].close()


async def test_who_asks_before_sending_is_told_at_once(stage: Stage, port: int) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    head = call(b"x" * 200_000, CHAT, "expect: 100-continue").partition(b"\r\n\r\n")[0]
    line[1].write(head + b"\r\n\r\n")
    assert (await reply(line))[0] == 413
    line[1].close()


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_a_caller_that_leaves(stage: Stage, port: int, body: object) -> None:
    stage.worker.script = lambda _: [chunked_head(), chunk(b"data: 1\n\n"), asyncio.Event()]
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
    for _, writer in lines:
        writer.write(call(body))
    await until(lambda: stage.worker.open == 20)
    for _, writer in lines:
        writer.transport.abort()
    await until(lambda: stage.worker.open == 0)
    assert stage.gateway.in_flight == 0


async def test_a_cut_answer_of_an_app_is_a_cut_connection(stage: Stage, port: int) -> None:
    app = stage.vendor
    app.script = lambda _: [chunked_head("text/plain"), chunk(b"half"), 0.01, "close"]
    app.stop_listening()
    for free in range(FIRST_PORT + 100, 8000):
        try:
            await app.listen_tcp(port=free)
        except OSError:
            continue
        break
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call({}, f"/driver-proxy-api/o/0/{CLUSTER}/{free}/"))
    received = await asyncio.wait_for(line[0].read(), 5)
    assert received.endswith(b"4\r\nhalf\r\n")
    line[1].close()


async def test_head(stage: Stage, port: int) -> None:
    line = await asyncio.open_connection("127.0.0.1", port)
    line[1].write(call(b"", CHAT, "connection: close", method="HEAD"))
    assert (await line[0].read()).startswith(b"HTTP/1.1 405 ")
    line[1].close()
