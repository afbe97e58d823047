"""Who is asked after an entity has failed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from gateway.stage import Stage, endpoint, target
from gateway.strict_upstream import LAST_CHUNK, Step, StrictUpstream, chunk, chunked_head, whole
from lakeserve.core.ai_gateway import AiGateway, Routing

PATH = "/serving-endpoints/two/invocations"
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True}
EVENT = b'data: {"choices":[]}\n\n'
DONE = b"data: [DONE]\n\n"


def answering(body: dict[str, Any]) -> list[Step]:
    if "stream" in body:
        return [chunked_head(), chunk(EVENT), chunk(DONE), LAST_CHUNK]
    return [whole(200, b"{}")]


@pytest.fixture
async def spare(stage: Stage) -> AsyncIterator[StrictUpstream]:
    """The second entity of ``two``, without traffic; ``stage.vendor`` is the first."""
    upstream = StrictUpstream()
    upstream.script = lambda seen: answering(seen.json())
    vendor = stage.directory.now.endpoints["my-external"].targets[0].address
    both = endpoint(
        "two",
        "llm/v1/chat",
        target("a", vendor, provider="openai"),
        target("b", await upstream.listen_tcp(), provider="openai", weight=0),
    )
    stage.add(replace(both, ai_gateway=AiGateway(fallback=True)))
    yield upstream
    await stage.gateway.aclose(0)
    await upstream.aclose()
    assert upstream.faults == []


@pytest.mark.parametrize("body", [HELLO, STREAM])
@pytest.mark.parametrize(
    "steps",
    [
        [whole(429, b"{}")],
        [whole(500, b"{}")],
        [whole(503, b"{}", "application/json", ("retry-after", "1"))],
        [whole(529, b"{}")],
        ["close"],
        ["reset"],
        [b"HTTP/1.1 200 O", "reset"],
        [chunked_head(), "close"],
        [chunked_head(), chunk(b'data: {"half'), "reset"],
        [whole(200, b"<html>", "text/html")],
        [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n"],
    ],
    ids=lambda steps: repr(steps)[:40] if isinstance(steps, list) else None,
)
async def test_the_next_one_answers(
    stage: Stage, spare: StrictUpstream, steps: list[Step], body: dict[str, Any]
) -> None:
    stage.vendor.script = lambda _: steps
    answer = await stage.caller.call(PATH, body)
    assert answer.status == 200
    assert answer.headers["served-model-name"] == "b"
    assert answer.body == (EVENT + DONE if "stream" in body else b"{}")
    (record,) = stage.ledger.records
    assert (record.status, record.entity_name, record.attempts) == (200, "b", 2)


async def test_nobody_listens(stage: Stage, spare: StrictUpstream) -> None:
    stage.vendor.stop_listening()
    assert (await stage.caller.call(PATH, HELLO)).headers["served-model-name"] == "b"


async def test_an_entity_that_cannot_serve(stage: Stage, spare: StrictUpstream) -> None:
    two = stage.directory.now.endpoints["two"]
    first, second = two.targets
    stage.add(replace(two, targets=(replace(first, failure="no secret"), second)))
    assert (await stage.caller.call(PATH, HELLO)).headers["served-model-name"] == "b"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 422])
async def test_other_refusals_are_final(stage: Stage, spare: StrictUpstream, status: int) -> None:
    stage.vendor.script = lambda _: [whole(status, b"{}")]
    assert (await stage.caller.call(PATH, HELLO)).status >= 400
    assert spare.seen == []


async def test_chosen_statuses(stage: Stage, spare: StrictUpstream) -> None:
    routing = Routing(fallback_statuses=(404,))
    stage.govern("two", AiGateway(fallback=True, routing=routing))
    stage.vendor.script = lambda _: [whole(500, b"{}")]
    assert (await stage.caller.call(PATH, HELLO)).status == 502
    assert spare.seen == []
    stage.vendor.script = lambda _: [whole(404, b"{}")]
    assert (await stage.caller.call(PATH, HELLO)).status == 200


async def test_nothing_after_the_first_byte(stage: Stage, spare: StrictUpstream) -> None:
    stage.vendor.script = lambda _: [chunked_head(), chunk(EVENT), 0.01, "reset"]
    answer = await stage.caller.call(PATH, STREAM)
    assert answer.body.startswith(EVENT + b'data: {"error"')
    assert spare.seen == []


async def test_the_last_error_counts(stage: Stage, spare: StrictUpstream) -> None:
    stage.vendor.script = lambda _: [whole(500, b"{}")]
    spare.script = lambda _: [whole(429, b"{}", "application/json", ("retry-after", "9"))]
    answer = await stage.caller.call(PATH, HELLO)
    assert answer.error[:2] == (429, "REQUEST_LIMIT_EXCEEDED")
    assert answer.headers["retry-after"] == "9"
    assert len(stage.vendor.seen) == len(spare.seen) == 1
    (record,) = stage.ledger.records
    assert (record.status, record.entity_name, record.attempts) == (429, "b", 2)


async def test_a_pinned_entity_stands_alone(stage: Stage, spare: StrictUpstream) -> None:
    stage.vendor.script = lambda _: [whole(500, b"{}")]
    answer = await stage.caller.call("/serving-endpoints/two/served-models/a/invocations", HELLO)
    assert answer.status == 502
    assert spare.seen == []


@pytest.mark.parametrize("wanted", [None, AiGateway()])
async def test_without_fallback(
    stage: Stage, spare: StrictUpstream, wanted: AiGateway | None
) -> None:
    stage.govern("two", wanted)
    stage.vendor.script = lambda _: [whole(500, b"{}")]
    assert (await stage.caller.call(PATH, HELLO)).status == 502
    assert spare.seen == []


def routed(stage: Stage, *, fallback: bool = True, **routing: Any) -> None:
    stage.govern("two", AiGateway(fallback=fallback, routing=Routing(**routing)))


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_an_entity_is_asked_again(
    stage: Stage, spare: StrictUpstream, body: dict[str, Any]
) -> None:
    routed(stage, retries=2)
    stage.vendor.script = lambda _: (
        answering(body) if len(stage.vendor.seen) == 3 else [whole(500, b"{}")]
    )
    answer = await stage.caller.call(PATH, body)
    assert (answer.status, answer.headers["served-model-name"]) == (200, "a")
    assert stage.ledger.records[0].attempts == 3
    assert spare.seen == []


async def test_then_the_next_one_is(stage: Stage, spare: StrictUpstream) -> None:
    routed(stage, retries=1)
    stage.vendor.script = lambda _: ["reset"]
    assert (await stage.caller.call(PATH, HELLO)).headers["served-model-name"] == "b"
    assert len(stage.vendor.seen) == 2


@pytest.mark.parametrize("status", [400, 404])
async def test_final_refusals_are_not_repeated(
    stage: Stage, spare: StrictUpstream, status: int
) -> None:
    routed(stage, retries=3)
    stage.vendor.script = lambda _: [whole(status, b"{}")]
    assert (await stage.caller.call(PATH, HELLO)).status == status
    assert len(stage.vendor.seen) == 1


async def test_who_wants_to_be_left_alone_is(stage: Stage, spare: StrictUpstream) -> None:
    routed(stage, fallback=False, retries=3)
    stage.vendor.script = lambda _: [whole(429, b"{}", "application/json", ("retry-after", "30"))]
    assert (await stage.caller.call(PATH, HELLO)).headers["retry-after"] == "30"
    assert len(stage.vendor.seen) == 1


async def test_repetitions_stay_a_share(stage: Stage, spare: StrictUpstream) -> None:
    routed(stage, fallback=False, retries=3)
    stage.vendor.script = lambda _: [whole(500, b"{}")]
    for _ in range(20):
        assert (await stage.caller.call(PATH, HELLO)).status == 502
    assert len(stage.vendor.seen) <= 20 + 10 + 20 * 0.2


async def test_a_dead_upstream_is_left_alone(stage: Stage, spare: StrictUpstream) -> None:
    stage.vendor.script = lambda _: ["close"]
    for _ in range(20):
        assert (await stage.caller.call(PATH, HELLO)).headers["served-model-name"] == "b"
    assert len(stage.vendor.seen) == 5
    routed(stage, fallback=False)
    answer = await stage.caller.call(PATH, HELLO)
    assert answer.error[:2] == (503, "TEMPORARILY_UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    assert len(stage.vendor.seen) == 5
    stage.vendor.script = lambda _: [whole(200, b"{}")]
    for _ in range(500):
        if (await stage.caller.call(PATH, HELLO)).status == 200:
            break
        await asyncio.sleep(0.01)
    assert (await stage.caller.call(PATH, HELLO)).status == 200


@pytest.mark.parametrize("limit", ["first_token_timeout_s", "timeout_s"])
@pytest.mark.parametrize(
    ("body", "steps"),
    [
        (HELLO, [5.0]),
        (STREAM, [5.0]),
        (STREAM, [chunked_head(), 5.0]),
        (STREAM, [chunked_head(), chunk(b": ping\n\n"), 5.0]),
    ],
)
async def test_who_is_too_slow_to_begin(
    stage: Stage, spare: StrictUpstream, limit: str, body: dict[str, Any], steps: list[Step]
) -> None:
    stage.vendor.script = lambda _: steps
    slow: dict[str, Any] = {limit: 0.1}
    routed(stage, **slow)
    assert (await stage.caller.call(PATH, body)).headers["served-model-name"] == "b"
    routed(stage, fallback=False, **slow)
    answer = await stage.caller.call(PATH, body)
    assert answer.error[:2] == (504, "DEADLINE_EXCEEDED")
    assert "0.1 seconds" in answer.error[2]


async def test_who_has_begun_may_go_on(stage: Stage, spare: StrictUpstream) -> None:
    routed(stage, first_token_timeout_s=0.2)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{"
    stage.vendor.script = lambda seen: (
        [chunked_head(), chunk(EVENT), 0.4, chunk(DONE), LAST_CHUNK]
        if "stream" in seen.json()
        else [head, 0.4, b"}"]
    )
    assert (await stage.caller.call(PATH, HELLO)).headers["served-model-name"] == "a"
    answer = await stage.caller.call(PATH, STREAM)
    assert answer.headers["served-model-name"] == "a"
    assert answer.body == EVENT + DONE


async def test_who_is_too_slow_to_end(stage: Stage, spare: StrictUpstream) -> None:
    routed(stage, timeout_s=0.2)
    stage.vendor.script = lambda _: [chunked_head(), chunk(EVENT), 5.0]
    answer = await stage.caller.call(PATH, STREAM)
    assert answer.body.startswith(EVENT + b'data: {"error"')
    assert b"DEADLINE_EXCEEDED" in answer.body
    assert stage.ledger.records[0].status == 504
