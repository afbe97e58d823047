"""Calls that need no task of their own: the same answers, records and faults as all others."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway.stage import EXTERNAL, Stage, endpoint, open_stage, target
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, until, whole
from gateway.test_direct import serving
from gateway.test_faults import error_of
from gateway.test_server import Line, call, reply
from lakeserve.core.ai_gateway import AiGateway, RateLimit
from lakeserve.core.endpoints import Address
from lakeserve.core.errors import Unavailable
from lakeserve.core.usage import CallRecord
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.fake import FakeLedger
from lakeserve.gateway.limits.local import LocalLimiter
from lakeserve.gateway.upstream.pool import Origin

PATH = "/serving-endpoints/my-external/invocations"
GOOD = b'{"choices": [{"message": {"content": "hello"}}], "usage": {"prompt_tokens": 2}}'
EVENT = b'data: {"choices": []}\n\n'
STREAM = {**EXTERNAL, "stream": True}


@dataclass
class Played:
    """A gateway behind its server, which keeps one connection to its upstream.

    Attributes:
        tasks: How many calls have needed a task, wholly or from some point on.
    """

    stage: Stage
    port: int
    line: Line
    tasks: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def count_tasks(self) -> None:
        def made(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> "asyncio.Task[Any]":
            self.tasks += getattr(work, "__qualname__", "") == Gateway._serve.__qualname__
            return asyncio.Task(work, loop=loop, **given)

        self._loop.set_task_factory(made)

    async def ask(self, body: object = EXTERNAL, path: str = PATH) -> tuple[int, Any]:
        self.line[1].write(call(body, path))
        status, answer = await reply(self.line)
        return status, orjson.loads(answer)

    async def fails(self) -> tuple[int, str]:
        """Status and error code of a call that does."""
        status, answer = await self.ask()
        return status, answer["error_code"]

    @property
    def last(self) -> CallRecord:
        return self.stage.ledger.records[-1]


@asynccontextmanager
async def played(call_s: float = 5.0, **seams: Any) -> AsyncIterator[Played]:
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        async with open_stage(Path(folder), **seams) as stage, serving(stage, call_s) as port:
            stage.vendor.script = lambda _: [whole(200, GOOD)]
            one = Played(stage, port, await asyncio.open_connection("127.0.0.1", port))
            assert (await one.ask())[0] == 200
            one.count_tasks()
            yield one
            one.line[1].close()
            assert stage.gateway.in_flight == 0


@pytest.fixture
async def play() -> AsyncIterator[Played]:
    async with played() as one:
        yield one


async def test_no_task(play: Played) -> None:
    for _ in range(3):
        assert await play.ask() == (200, orjson.loads(GOOD))
    assert play.tasks == 0
    assert play.stage.vendor.opened == 1
    assert [one.status for one in play.stage.ledger.records] == [200] * 4
    assert (play.last.input_tokens, play.last.attempts, play.last.output_characters) == (2, 1, 5)
    assert play.last.first_byte_ms is not None


async def test_by_the_models_name(play: Played) -> None:
    assert (await play.ask(path="/serving-endpoints/chat/completions"))[0] == 200
    assert play.tasks == 0


async def test_lists_that_exceed_a_request_take_a_task(play: Played) -> None:
    stage = play.stage
    entity = stage.directory.now.endpoints["my-external"].targets[0]
    stage.add(endpoint("vectors", "llm/v1/embeddings", replace(entity, provider="cohere")))
    stage.vendor.script = lambda seen: [
        whole(200, orjson.dumps({"embeddings": {"float": [[0.5]] * len(seen.json()["texts"])}}))
    ]
    for count, attempts in ((96, 1), (96, 1), (97, 2)):
        body = {"input": ["x"] * count}
        status, answer = await play.ask(body, "/serving-endpoints/vectors/invocations")
        assert (status, len(answer["data"])) == (200, count)
        assert play.last.attempts == attempts
    assert play.tasks == 2  # the first to find its way, and the last


@pytest.mark.parametrize("limits", [True, False])
async def test_governed(limits: bool) -> None:
    async with played(limiter=LocalLimiter() if limits else None) as play:
        play.stage.govern("my-external", AiGateway(rate_limits=(RateLimit(calls=1),)))
        assert (await play.ask())[0] == (200 if limits else 501)
        status, answer = await play.ask()
        assert (status, answer["error_code"]) == (
            (429, "REQUEST_LIMIT_EXCEEDED") if limits else (501, "NOT_IMPLEMENTED")
        )
        assert len(play.stage.vendor.seen) == (2 if limits else 1)
        assert play.last.status == status


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), ({"messages": "x"}, 400), ({"messages": [], "stream": 3}, 400)],
)
async def test_refused(play: Played, body: object, status: int) -> None:
    assert (await play.ask(body))[0] == status
    assert play.last.status == status
    assert len(play.stage.vendor.seen) == 1
    assert (await play.ask())[0] == 200


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([b"HTTP/1.1 200 O", "close"], 502),
        ([b"HTTP/1.1 200 O", "reset"], 502),
        ([b"garbage"], 502),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 1.0], 502),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "close"], 502),
        ([chunked_head("application/json"), chunk(b'{"a": '), "reset"], 502),
        ([whole(200, b"<html></html>", "text/html")], 502),
        ([whole(200, b"")], 502),
        ([whole(302, b"", "text/html", ("location", "http://elsewhere"))], 502),
        ([whole(500, b"boom")], 502),
        ([whole(429, b'{"error": {"message": "slow down"}}')], 429),
        ([whole(400, b'{"error": {"message": "no"}}')], 400),
    ],
    ids=lambda steps: repr(steps)[:40] if isinstance(steps, list) else None,
)
async def test_upstreams_that_fail(play: Played, steps: list[Step], status: int) -> None:
    play.stage.vendor.script = lambda _: steps
    assert (await play.fails())[0] == status
    assert play.tasks == 1
    assert (play.last.status, play.last.attempts) == (status, 1)
    assert len(play.stage.ledger.records) == len(play.stage.vendor.seen) == 2
    play.stage.vendor.script = lambda _: [whole(200, GOOD)]
    assert await play.ask() == (200, orjson.loads(GOOD))


async def test_space_around_an_answer(play: Played) -> None:
    play.stage.vendor.script = lambda _: [whole(200, b" \n" + GOOD + b"\n")]
    assert await play.ask() == (200, orjson.loads(GOOD))


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_kept_connection_that_the_upstream_gave_up(play: Played, end: Step) -> None:
    answers: Iterator[list[Step]] = iter([[end], [whole(200, GOOD)]])
    play.stage.vendor.script = lambda _: next(answers)
    assert await play.ask() == (200, orjson.loads(GOOD))
    assert play.stage.vendor.opened == 2
    assert play.last.attempts == 1


async def test_the_next_entity(play: Played) -> None:
    stage = play.stage
    there = stage.directory.now.endpoints["my-external"]
    (first,) = there.targets
    second = target("second", stage.worker_address, weight=0)
    stage.add(replace(there, targets=(first, second), ai_gateway=AiGateway(fallback=True)))
    stage.vendor.script = lambda _: [whole(503, b"{}")]
    stage.worker.script = lambda _: [whole(200, GOOD)]
    assert await play.ask() == (200, orjson.loads(GOOD))
    assert (play.last.attempts, play.last.entity_name) == (2, "second")


@pytest.mark.parametrize("body", [EXTERNAL, STREAM])
async def test_who_leaves(play: Played, body: dict[str, Any]) -> None:
    play.stage.vendor.script = lambda _: [5.0]
    play.line[1].write(call(body, PATH))
    await until(lambda: len(play.stage.vendor.seen) == 2)
    play.line[1].transport.abort()
    await until(lambda: play.stage.vendor.open == 0)
    await until(lambda: play.stage.gateway.in_flight == 0)
    assert (play.last.status, play.last.error_code) == (499, "CANCELLED")
    assert len(play.stage.ledger.records) == 2


@pytest.mark.parametrize("body", [EXTERNAL, STREAM])
async def test_who_leaves_as_the_answer_arrives(play: Played, body: dict[str, Any]) -> None:
    """The call is taken over by a task in the turn in which its caller goes."""
    arrives = asyncio.Event()
    play.stage.vendor.script = lambda _: [arrives, whole(500, b"{}")]
    play.line[1].write(call(body, PATH))
    await until(lambda: len(play.stage.vendor.seen) == 2)
    (exchange,) = play.stage.gateway._running
    arrives.set()
    for _ in range(1000):
        if play.tasks:
            break
        await asyncio.sleep(0)
    exchange.lose()  # type: ignore[attr-defined]
    await until(lambda: play.stage.gateway.in_flight == 0)
    assert [one.status for one in play.stage.ledger.records] == [200, 499]


async def test_a_call_that_is_to_end_before_its_task_begins(play: Played) -> None:
    """No kept connection: a task is made for the call, and in the same turn it is cut short."""
    stage = play.stage
    stage.vendor.drop_all()
    await until(lambda: stage.gateway.upstream_connections == 0)
    play.line[1].write(call(EXTERNAL, PATH))
    for _ in range(1000):
        if play.tasks:
            break
        await asyncio.sleep(0)
    for exchange in tuple(stage.gateway._running):
        exchange.cut_short(Unavailable("The platform is stopping."))
    status, _ = await reply(play.line)
    assert (status, play.last.status) == (503, 503)
    await until(lambda: stage.gateway.in_flight == 0)


async def test_who_takes_too_long() -> None:
    async with played(call_s=0.3) as play:
        play.stage.vendor.script = lambda _: [5.0]
        assert await play.fails() == (504, "DEADLINE_EXCEEDED")
        await until(lambda: play.stage.vendor.open == 0)
        assert play.last.status == 504
        play.stage.vendor.script = lambda _: [whole(200, GOOD)]
        assert (await play.ask())[0] == 200


async def test_a_platform_that_stops(play: Played) -> None:
    play.stage.vendor.script = lambda _: [5.0]
    play.line[1].write(call(EXTERNAL, PATH))
    await until(lambda: len(play.stage.vendor.seen) == 2)
    await play.stage.gateway.aclose(0)
    status, _ = await reply(play.line)
    assert (status, play.last.status) == (503, 503)
    assert play.stage.gateway.upstream_connections == 0


async def test_a_call_that_cannot_be_written_down() -> None:
    class Full(FakeLedger):
        def record(self, call: CallRecord) -> None:
            if self.records:
                raise Unavailable("The disk is full.")
            super().record(call)

    async with played(ledger=Full()) as play:
        assert await play.fails() == (503, "TEMPORARILY_UNAVAILABLE")


async def test_streams_go_on_in_a_task(play: Played) -> None:
    play.stage.vendor.script = lambda _: [chunked_head(), chunk(EVENT), LAST_CHUNK]
    play.line[1].write(call(STREAM, PATH))
    status, body = await reply(play.line)
    assert (status, body) == (200, EVENT + b"data: [DONE]\n\n")
    assert play.tasks == 1
    assert play.last.streaming


@pytest.mark.parametrize("end", ["close", "reset", b"garbage\r\n"])
async def test_a_stream_that_breaks_off(play: Played, end: Step) -> None:
    play.stage.vendor.script = lambda _: [chunked_head(), chunk(EVENT), 0.01, end]
    play.line[1].write(call(STREAM, PATH))
    status, body = await reply(play.line)
    assert status == 200
    assert body.startswith(EVENT + b'data: {"error"')
    assert error_of(body)["error_code"] == "INTERNAL_ERROR"
    assert play.last.status == 502


async def test_traces_are_passed_on(play: Played) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    play.line[1].write(call(EXTERNAL, PATH, f"traceparent: {parent}"))
    assert (await reply(play.line))[0] == 200
    assert play.stage.vendor.seen[-1].headers["traceparent"] == parent
    assert play.tasks == 0


async def test_many_at_once_keep_their_answers(play: Played) -> None:
    def echo(seen: Seen) -> list[Step]:
        return [whole(200, orjson.dumps({"echo": seen.json()["messages"]}))]

    play.stage.vendor.script = echo

    async def one(number: int) -> None:
        line = await asyncio.open_connection("127.0.0.1", play.port)
        for turn in range(10):
            messages = [{"role": "user", "content": f"{number}-{turn}"}]
            line[1].write(call({"messages": messages}, PATH))
            status, body = await reply(line)
            assert (status, orjson.loads(body)) == (200, {"echo": messages})
        line[1].close()

    await asyncio.gather(*(one(number) for number in range(20)))


async def test_an_answer_that_cannot_be_read_leaves_its_connection_to_one_call(
    play: Played,
) -> None:
    """A connection that was given back twice would carry two calls at once."""
    stage = play.stage
    there = await _strange(stage)
    path = "/serving-endpoints/strange/invocations"
    for _ in range(3):
        status, _answer = await play.ask(path=path)
        assert status == 502
    line = stage.gateway._pool.line(Origin(there))
    assert len(line) == len(set(line)) == 1


async def _strange(stage: Stage) -> Address:
    """An endpoint whose vendor answers with what only looks like JSON."""
    there = replace(stage.directory.now.endpoints["my-external"].targets[0], provider="anthropic")
    stage.vendor.script = lambda _: [whole(200, b"{no}")]
    endpoint = stage.directory.now.endpoints["my-external"]
    stage.add(replace(endpoint, id="id-strange", name="strange", targets=(there,)))
    assert there.address is not None
    return there.address
