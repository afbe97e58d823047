"""Calls of endpoints when all goes well, and when the caller does not stay."""

import asyncio
from typing import Any

import orjson
import pytest
from gateway.caller import Answer
from gateway.stage import CHAT, EXTERNAL, HELLO, SECRET, STREAM, Stage, endpoint, target
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, until, whole
from lakeserve.core.endpoints import Address

INVOCATIONS = "/serving-endpoints/my-chat/invocations"
DONE = b"data: [DONE]\n\n"


def streaming(*parts: bytes) -> list[Step]:
    return [chunked_head(), *(chunk(part) for part in parts), LAST_CHUNK]


async def test_what_a_worker_is_asked(stage: Stage) -> None:
    await stage.caller.call(CHAT, {**HELLO, "client_request_id": "1", "top_k": 3})
    seen = stage.worker.seen[0]
    assert (seen.method, seen.target) == ("POST", "/v1/chat/completions")
    assert seen.json() == {**HELLO, "model": "demo", "top_k": 3}
    assert "authorization" not in seen.headers


async def test_what_a_vendor_is_asked(stage: Stage) -> None:
    await stage.caller.call(CHAT, EXTERNAL)
    seen = stage.vendor.seen[0]
    assert seen.target == "/v1/chat/completions"
    assert seen.json() == {**EXTERNAL, "model": "gpt-x"}
    assert seen.headers["authorization"] == f"Bearer {SECRET}"
    assert seen.headers["content-type"] == "application/json"


async def test_the_pinned_entity(stage: Stage) -> None:
    both = (
        target("a", stage.worker_address, weight=100, upstream_model="ma"),
        target("b", stage.worker_address, weight=0, upstream_model="mb", model_name="Über\r\nb"),
    )
    stage.add(endpoint("two", "llm/v1/chat", *both))
    answer = await stage.caller.call("/serving-endpoints/two/served-models/b/invocations", HELLO)
    assert stage.worker.seen[0].json()["model"] == "mb"
    assert answer.headers["served-model-name"] == "b"
    assert answer.headers["x-lakeserve-model"] == "?ber??b"


async def test_connections_are_kept(stage: Stage) -> None:
    for _ in range(5):
        assert (await stage.caller.call(CHAT, HELLO)).status == 200
    stage.worker.script = lambda _: streaming(b"data: 1\n\n", DONE)
    for _ in range(5):
        assert (await stage.caller.call(CHAT, STREAM)).body == b"data: 1\n\n" + DONE
    assert stage.worker.opened == 1


async def test_each_event_at_once(stage: Stage) -> None:
    gates = [asyncio.Event() for _ in range(3)]
    steps: list[Step] = [chunked_head()]
    for number, gate in enumerate(gates):
        steps += [chunk(b"data: %d\n\n" % number), gate]
    stage.worker.script = lambda _: [*steps, chunk(DONE), LAST_CHUNK]
    call = stage.caller.start(CHAT, STREAM)
    for number, gate in enumerate(gates):
        await call.parts(number + 1)
        assert call.answer.parts[-1] == b"data: %d\n\n" % number
        assert not call.answer.finished
        gate.set()
    answer = await call.done()
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.body.endswith(DONE)


async def test_a_missing_end_mark_is_added(stage: Stage) -> None:
    stage.worker.script = lambda _: streaming(b"data: 1\n\n")
    assert (await stage.caller.call(CHAT, STREAM)).body == b"data: 1\n\n" + DONE


async def test_a_stream_to_the_end_of_the_connection(stage: Stage) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    stage.worker.script = lambda _: [head, b"data: 1\n\n", DONE, "close"]
    assert (await stage.caller.call(CHAT, STREAM)).body == b"data: 1\n\n" + DONE
    stage.worker.script = lambda _: [head, b"data: 1\n\n", "close"]
    body = (await stage.caller.call(CHAT, STREAM)).body
    assert b"ended its stream early" in body
    assert not body.endswith(DONE)


async def test_the_end_mark_outlives_a_cut(stage: Stage) -> None:
    stage.worker.script = lambda _: [chunked_head(), chunk(b"data: 1\n\n" + DONE), "close"]
    answer = await stage.caller.call(CHAT, STREAM)
    assert answer.body == b"data: 1\n\n" + DONE
    assert answer.finished


async def test_a_hundred_streams_at_a_time_keep_their_order(stage: Stage) -> None:
    def script(seen: Seen) -> list[Step]:
        name = seen.json()["messages"][0]["content"]
        events = [f"data: {name} {number}\n\n".encode() for number in range(30)]
        pauses: list[Step] = []
        for event in events:
            pauses += [chunk(event[:5]), chunk(event[5:]), 0.001]
        return [chunked_head(), *pauses, chunk(DONE), LAST_CHUNK]

    stage.worker.script = script

    async def one(name: int) -> Answer:
        body = {**STREAM, "messages": [{"role": "user", "content": str(name)}]}
        return await stage.caller.call(CHAT, body)

    for name, answer in enumerate(await asyncio.gather(*map(one, range(100)))):
        expected = b"".join(b"data: %d %d\n\n" % (name, number) for number in range(30))
        assert answer.body == expected + DONE
    assert stage.worker.opened == 100
    assert stage.gateway.in_flight == 0


async def test_a_large_body_goes_through_whole(stage: Stage) -> None:
    text = 'é"\\model' * 6000
    body = {"messages": [{"role": "user", "content": text}]}
    reply = orjson.dumps({"echo": text * 20})
    stage.worker.script = lambda _: [whole(200, reply)]
    answer = await stage.caller.call(INVOCATIONS, body)
    assert answer.body == reply
    assert stage.worker.seen[0].json() == {**body, "model": "demo"}


@pytest.mark.parametrize("body", [HELLO, STREAM])
@pytest.mark.parametrize("delay", [0.0, 0.1])
async def test_a_caller_that_leaves_frees_the_upstream(
    stage: Stage, body: dict[str, Any], delay: float
) -> None:
    stage.worker.script = lambda _: [chunked_head(), chunk(b"data: 1\n\n"), asyncio.Event()]
    call = stage.caller.start(CHAT, body)
    await until(lambda: stage.worker.seen)
    await asyncio.sleep(delay)
    before = asyncio.get_running_loop().time()
    call.leave()
    await call.done()
    await until(lambda: not stage.worker.open)
    assert asyncio.get_running_loop().time() - before < 0.5  # 0.02 s where nothing else runs
    assert stage.gateway.in_flight == 0
    assert not call.answer.finished


async def test_a_caller_that_leaves_while_a_worker_starts(stage: Stage) -> None:
    started = asyncio.Event()

    async def for_ever(entity_id: str) -> Address:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError(entity_id)

    stage.activator.activate = for_ever  # type: ignore[method-assign]
    stage.add(endpoint("cold", "llm/v1/chat", target("cold-1", None)))
    call = stage.caller.start("/serving-endpoints/cold/invocations", HELLO)
    await started.wait()
    call.leave()
    await call.done()
    assert stage.gateway.in_flight == 0


async def test_a_slow_caller_holds_the_upstream_back(stage: Stage) -> None:
    event = b"data: " + b"x" * 100_000 + b"\n\n"
    stage.worker.script = lambda _: [
        chunked_head(),
        *[chunk(event)] * 200,
        chunk(DONE),
        LAST_CHUNK,
    ]
    call = stage.caller.start(CHAT, STREAM)
    await call.parts(1)
    call.takes.clear()
    await asyncio.sleep(0.2)
    (session,) = stage.worker.sessions
    assert session.transport.get_write_buffer_size() > 10_000_000
    call.takes.set()
    assert (await call.done()).body == event * 200 + DONE


async def test_a_worker_without_address_is_activated(stage: Stage) -> None:
    stage.activator.addresses["id-cold-1"] = stage.worker_address
    stage.add(endpoint("cold", "llm/v1/chat", target("cold-1", None)))
    path = "/serving-endpoints/cold/invocations"
    assert (await stage.caller.call(path, HELLO)).status == 200
    del stage.activator.addresses["id-cold-1"]
    answer = await stage.caller.call(path, HELLO)
    assert answer.error[:2] == (503, "TEMPORARILY_UNAVAILABLE")
    assert answer.headers["retry-after"] == "2"
    assert stage.activator.asked == ["id-cold-1", "id-cold-1"]


async def test_an_entity_that_failed_says_why(stage: Stage) -> None:
    broken = target("broken-1", None, failure="/models/x.gguf does not exist")
    stage.add(endpoint("broken", "llm/v1/chat", broken))
    answer = await stage.caller.call("/serving-endpoints/broken/invocations", HELLO)
    assert answer.error[:2] == (503, "TEMPORARILY_UNAVAILABLE")
    assert "/models/x.gguf does not exist" in answer.error[2]
    assert stage.activator.asked == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"provider": "nobody"}, "nobody"), ({"provider": "openai", "credential": "a\nb"}, "line")],
)
async def test_a_configuration_that_cannot_be_used(
    stage: Stage, fields: dict[str, Any], text: str
) -> None:
    stage.add(endpoint("odd", "llm/v1/chat", target("odd-1", stage.worker_address, **fields)))
    answer = await stage.caller.call("/serving-endpoints/odd/invocations", HELLO)
    assert answer.error[:2] == (503, "TEMPORARILY_UNAVAILABLE")
    assert text in answer.error[2]
