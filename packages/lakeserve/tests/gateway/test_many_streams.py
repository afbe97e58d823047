"""A thousand slow streams at a time, over real connections."""

import asyncio
import resource
from collections.abc import Iterator

import pytest
from gateway.stage import STREAM, Stage
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, until
from gateway.test_direct import PATH, serving
from gateway.test_server import call, reply

COUNT = 1000
EVENTS = 5
DONE = b"data: [DONE]\n\n"


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 5 * COUNT if hard == resource.RLIM_INFINITY else min(hard, 5 * COUNT)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def event(name: str, number: int) -> bytes:
    return f"data: {name} {number}\n\n".encode()


async def test_every_byte_in_order_and_no_first_event_waits(stage: Stage) -> None:
    gate = asyncio.Event()

    def script(seen: Seen) -> list[Step]:
        name = seen.json()["messages"][0]["content"]
        steps: list[Step] = [chunked_head(), chunk(event(name, 0)), gate]
        for number in range(1, EVENTS):
            steps += [chunk(event(name, number)[:9]), chunk(event(name, number)[9:]), 0.01]
        return [*steps, chunk(DONE), LAST_CHUNK]

    stage.worker.script = script
    begun = 0

    async def one(port: int, name: int) -> bytes:
        nonlocal begun
        line = await asyncio.open_connection("127.0.0.1", port)
        body = {**STREAM, "messages": [{"role": "user", "content": str(name)}]}
        line[1].write(call(body, PATH))
        head = await asyncio.wait_for(line[0].readuntil(b"\r\n\r\n"), 60)
        assert head.startswith(b"HTTP/1.1 200 ")
        first = await line[0].readuntil(b"\n\n\r\n")
        begun += 1
        if begun == COUNT:  # all of them have their first event while none has come to its end
            gate.set()
        rest = await asyncio.wait_for(line[0].readuntil(b"0\r\n\r\n"), 60)
        line[1].close()
        return _unchunked(first + rest)

    async with serving(stage, call_s=120, idle_s=120) as port:
        bodies = await asyncio.wait_for(
            asyncio.gather(*(one(port, name) for name in range(COUNT))), 120
        )
    for name, body in enumerate(bodies):
        assert body == b"".join(event(str(name), number) for number in range(EVENTS)) + DONE
    await until(lambda: len(stage.ledger.records) == COUNT)
    assert {record.status for record in stage.ledger.records} == {200}
    assert stage.gateway.in_flight == 0


async def test_those_who_leave_free_their_upstreams_and_nobody_elses(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.worker.script = lambda _: [
        chunked_head(),
        chunk(event("a", 0)),
        gate,
        chunk(DONE),
        LAST_CHUNK,
    ]
    async with serving(stage, call_s=120, idle_s=120) as port:
        lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        for _, writer in lines:
            writer.write(call(STREAM, PATH))
        await until(lambda: stage.worker.open == 100)
        for reader, _ in lines:
            await reader.readuntil(b"\n\n\r\n")
        for _, writer in lines[::2]:
            writer.transport.abort()
        await until(lambda: stage.worker.open == 50)
        gate.set()
        for reader, writer in lines[1::2]:
            assert (await reader.readuntil(b"0\r\n\r\n")).endswith(DONE + b"\r\n0\r\n\r\n")
            writer.close()
        line = await asyncio.open_connection("127.0.0.1", port)
        line[1].write(call(STREAM, PATH))
        assert (await reply(line))[0] == 200
        line[1].close()
    statuses = [record.status for record in stage.ledger.records]
    assert (statuses.count(499), statuses.count(200)) == (50, 51)


def _unchunked(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return body
