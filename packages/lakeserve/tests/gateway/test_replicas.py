"""Calls to an entity with several workers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from gateway.stage import HELLO, Stage, endpoint, target
from gateway.strict_upstream import StrictUpstream, until, whole
from lakeserve.core.endpoints import Address
from lakeserve.gateway.replicas import least_busy
from lakeserve.gateway.upstream.head import json_head
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool

PATH = "/serving-endpoints/twice/invocations"


@pytest.fixture
async def second(stage: Stage) -> AsyncIterator[StrictUpstream]:
    """The other replica of ``twice``; ``stage.worker`` is the first."""
    upstream = StrictUpstream()
    other = await upstream.listen_unix(str(stage.folder / "second"))
    stage.add(endpoint("twice", "llm/v1/chat", target("t", stage.worker_address, others=(other,))))
    yield upstream
    await stage.gateway.aclose(0)
    await upstream.aclose()
    assert upstream.faults == []


def test_one_worker_or_none() -> None:
    pool = UpstreamPool()
    address = Address(uds="/a")
    assert least_busy(target("t", address), pool) == address
    assert least_busy(target("t", None), pool) is None


async def test_the_less_busy_worker_is_chosen(stage: Stage, second: StrictUpstream) -> None:
    (twice,) = stage.directory.now.endpoints["twice"].targets
    first, other = stage.worker_address, twice.others[0]
    pool = UpstreamPool()
    taken = []
    for number in range(4):
        address = least_busy(twice, pool)
        assert address is not None
        assert pool.in_use(Origin(address)) == number // 2
        payload = json_head(address, "/x", ()) + b"content-length: 2\r\n\r\n{}"
        taken.append(await pool.exchange(Origin(address), payload, b"POST", 1000))
    assert (pool.in_use(Origin(first)), pool.in_use(Origin(other))) == (2, 2)
    pool.release(taken.pop())
    assert least_busy(twice, pool) == address
    for connection in taken:
        pool.release(connection)
    assert (pool.in_use(Origin(first)), pool.in_use(Origin(other))) == (0, 0)
    pool.close()


async def test_calls_are_spread(stage: Stage, second: StrictUpstream) -> None:
    gate = asyncio.Event()

    for upstream in (stage.worker, second):
        upstream.script = lambda _: [gate, whole(200, b"{}")]
    body = {"messages": HELLO["messages"]}
    calls = []
    for number in range(6):
        calls.append(stage.caller.start(PATH, body))
        await until(lambda number=number: len(stage.worker.seen) + len(second.seen) > number)  # type: ignore[misc]
    gate.set()
    assert {reply.status for reply in await asyncio.gather(*(call.done() for call in calls))} == {
        200
    }
    assert (len(stage.worker.seen), len(second.seen)) == (3, 3)


async def test_a_dead_worker_is_passed_over(stage: Stage, second: StrictUpstream) -> None:
    await second.aclose()
    stage.activator.addresses["id-t"] = stage.worker_address
    body = {"messages": HELLO["messages"]}
    replies = await asyncio.gather(*(stage.caller.call(PATH, body) for _ in range(4)))
    assert {reply.status for reply in replies} == {200}
