"""Copies of calls, whose answers nobody gets."""

import asyncio
from typing import Any

import pytest
from gateway.stage import HELLO, STREAM, Stage, endpoint, target
from gateway.strict_upstream import LAST_CHUNK, Step, chunk, chunked_head, until, whole
from lakeserve.core.ai_gateway import AiGateway, Routing
from lakeserve.gateway.shadow import MAX_SHADOWS

PATH = "/serving-endpoints/watched/invocations"
ANSWER = b'{"usage":{"prompt_tokens":3,"completion_tokens":4}}'


@pytest.fixture
def watched(stage: Stage) -> Stage:
    """``watched`` answers from the worker; its shadow is the vendor."""
    vendor = stage.directory.now.endpoints["my-external"].targets[0].address
    stage.add(
        endpoint(
            "watched",
            "llm/v1/chat",
            target("front", stage.worker_address),
            target("behind", vendor, provider="openai", weight=0),
        )
    )
    stage.govern("watched", AiGateway(routing=Routing(shadow_entity="behind", retries=2)))
    stage.vendor.script = lambda _: [whole(200, ANSWER)]
    return stage


async def test_its_answer_is_written_down(watched: Stage) -> None:
    answer = await watched.caller.call(PATH, HELLO)
    assert answer.headers["served-model-name"] == "front"
    await until(lambda: len(watched.ledger.records) == 2)
    by_name = {record.entity_name: record for record in watched.ledger.records}
    front, behind = by_name["front"], by_name["behind"]
    assert (front.is_shadow, behind.is_shadow) == (False, True)
    assert behind.request_id == f"{front.request_id}-shadow"
    assert (behind.status, behind.input_tokens, behind.output_tokens) == (200, 3, 4)
    assert watched.vendor.seen[0].json()["messages"] == HELLO["messages"]


async def test_streams(watched: Stage) -> None:
    steps: list[Step] = [chunked_head(), chunk(b"data: " + ANSWER + b"\n\n"), LAST_CHUNK]
    watched.vendor.script = watched.worker.script = lambda _: steps
    await watched.caller.call(PATH, STREAM)
    await until(lambda: len(watched.ledger.records) == 2)
    assert {record.output_tokens for record in watched.ledger.records} == {4}


@pytest.mark.parametrize("body", [HELLO, STREAM])
@pytest.mark.parametrize("steps", [["close"], [whole(500, b"{}")], [chunked_head(), "reset"]])
async def test_its_failures_are_nobodys(
    watched: Stage, steps: list[Step], body: dict[str, Any]
) -> None:
    watched.vendor.script = lambda _: steps
    watched.worker.script = lambda _: (
        [chunked_head(), chunk(b"data: 1\n\n"), LAST_CHUNK]
        if "stream" in body
        else [whole(200, b"{}")]
    )
    assert (await watched.caller.call(PATH, body)).status == 200
    await until(lambda: len(watched.ledger.records) == 2)
    assert {record.status for record in watched.ledger.records} == {200, 502}
    assert len(watched.vendor.seen) == 1


async def test_nobody_waits_for_it(watched: Stage) -> None:
    watched.vendor.script = lambda _: [asyncio.Event()]
    for _ in range(MAX_SHADOWS + 5):
        assert (await watched.caller.call(PATH, HELLO)).status == 200
    assert watched.vendor.opened == MAX_SHADOWS
    assert watched.gateway.in_flight == 0
    await watched.gateway.aclose(0)
    assert sum(record.status == 499 for record in watched.ledger.records) == MAX_SHADOWS


async def test_an_unknown_shadow(watched: Stage) -> None:
    watched.govern("watched", AiGateway(routing=Routing(shadow_entity="nobody")))
    assert (await watched.caller.call(PATH, HELLO)).status == 200
    await until(lambda: len(watched.ledger.records) == 2)
    assert {record.status for record in watched.ledger.records} == {200, 404}


async def test_pinned_calls_have_none(watched: Stage) -> None:
    await watched.caller.call("/serving-endpoints/watched/served-models/front/invocations", HELLO)
    await asyncio.sleep(0.01)
    assert watched.vendor.seen == []
