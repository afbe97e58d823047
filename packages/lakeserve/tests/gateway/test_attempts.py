"""Who is asked after an entity has failed."""

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
