"""Answers that are given again: to whom, for how long, and how they are marked."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway.stage import CHAT, HELLO, STREAM, Stage, endpoint, open_stage, target
from gateway.strict_upstream import LAST_CHUNK, chunk, chunked_head, whole
from lakeserve.core.ai_gateway import AiGateway
from lakeserve.core.endpoints import Address, RoutableEndpoint
from lakeserve.gateway.cache import MemoryCache
from lakeserve.gateway.seams import KeptAnswer
from lakeserve.gateway.task import Question

CACHED = AiGateway(cache_ttl_s=60)
REPLY = orjson.dumps(
    {
        "choices": [{"message": {"content": "hi"}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5},
    }
)
EVENTS = [
    b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n',
    b"data: [DONE]\n\n",
]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stage(clock: Clock) -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        async with open_stage(Path(folder), cache=MemoryCache(1_000_000, clock)) as opened:
            opened.govern("my-chat", CACHED)
            opened.worker.script = lambda seen: (
                [chunked_head(), *map(chunk, EVENTS), LAST_CHUNK]
                if "stream" in seen.json()
                else [whole(200, REPLY)]
            )
            yield opened


async def asked(stage: Stage, body: dict[str, Any] = HELLO, **headers: str) -> tuple[str, str]:
    """How the answer is marked, and its age."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await stage.caller.call(CHAT, body, headers=given)
    assert answer.status == 200
    return answer.headers["x-lakeserve-cache"], answer.headers.get("age", "")


async def test_the_same_question_is_answered_once(stage: Stage, clock: Clock) -> None:
    first = await stage.caller.call(CHAT, HELLO)
    assert first.headers["x-lakeserve-cache"] == "miss"
    clock.now += 7.5
    again = await stage.caller.call(
        CHAT, {**dict(reversed(HELLO.items())), "client_request_id": "x"}
    )
    assert again.body == first.body == REPLY
    assert (again.headers["x-lakeserve-cache"], again.headers["age"]) == ("hit", "7")
    assert again.headers["served-model-name"] == "my-chat-1"
    assert len(stage.worker.seen) == 1
    assert await asked(stage, {**HELLO, "temperature": 0.5}) == ("miss", "")
    clock.now += 53
    assert await asked(stage) == ("miss", "")


async def test_a_stream_is_given_again_as_events(stage: Stage) -> None:
    first = await stage.caller.call(CHAT, STREAM)
    again = await stage.caller.call(CHAT, STREAM)
    assert again.body == first.body == b"".join(EVENTS)
    assert again.headers["content-type"] == "text/event-stream"
    assert again.headers["x-lakeserve-cache"] == "hit"
    assert len(stage.worker.seen) == 1
    assert await asked(stage) == ("miss", "")


async def test_what_is_given_again_is_accounted_so(stage: Stage) -> None:
    await stage.caller.call(CHAT, HELLO)
    await stage.caller.call(CHAT, HELLO)
    asked_, given = stage.ledger.records
    assert (asked_.is_cached, asked_.attempts) == (False, 1)
    assert (given.is_cached, given.attempts, given.entity_id) == (True, 0, "id-my-chat-1")
    assert (given.input_tokens, given.output_tokens) == (7, 5)


async def test_the_caller_decides_with_cache_control(stage: Stage, clock: Clock) -> None:
    assert await asked(stage, cache_control="no-store") == ("miss", "")
    assert await asked(stage) == ("miss", "")
    assert await asked(stage, cache_control="no-cache") == ("miss", "")
    assert await asked(stage) == ("hit", "0")
    clock.now += 10
    assert await asked(stage, cache_control="max-age=10") == ("hit", "10")
    assert await asked(stage, cache_control="Max-Age=9") == ("miss", "")
    assert await asked(stage, cache_control='private, max-age="0"') == ("hit", "0")
    clock.now += 1
    assert await asked(stage, cache_control="max-age=soon") == ("miss", "")


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_errors_are_not_kept(stage: Stage, status: int) -> None:
    script = stage.worker.script
    stage.worker.script = lambda _: [whole(status, b'{"message": "no"}')]
    await stage.caller.call(CHAT, HELLO)
    stage.worker.script = script
    assert await asked(stage) == ("miss", "")


async def test_a_broken_stream_is_not_kept(stage: Stage) -> None:
    script = stage.worker.script
    stage.worker.script = lambda _: [chunked_head(), chunk(EVENTS[0]), "close"]
    await stage.caller.call(CHAT, STREAM)
    stage.worker.script = script
    assert await asked(stage, STREAM) == ("miss", "")


async def test_without_the_block_nothing_is_marked(stage: Stage) -> None:
    stage.govern("my-chat", AiGateway())
    answer = await stage.caller.call(CHAT, HELLO)
    assert "x-lakeserve-cache" not in answer.headers


TARGET = target("a", Address(uds="/tmp/a"))
QUESTION = Question("chat", {"messages": []}, None, stream=False)
ANSWER = KeptAnswer(b"{}", "id-a", "a", "A")


def cached(name: str = "e", *targets: Any) -> RoutableEndpoint:
    return replace(endpoint(name, "llm/v1/chat", *(targets or (TARGET,))), ai_gateway=CACHED)


@pytest.mark.parametrize(
    "other",
    [
        cached("other"),
        cached("e", replace(TARGET, upstream_model="better")),
        cached("e", replace(TARGET, options={"a": "b"})),
        cached("e", TARGET, TARGET),
        replace(cached(), ai_gateway=AiGateway(cache_ttl_s=61)),
    ],
)
async def test_another_config_is_another_key(other: RoutableEndpoint) -> None:
    cache = MemoryCache(100_000)
    cache.keep(cached(), None, QUESTION, {}, ANSWER)
    assert await cache.find(other, None, QUESTION, {}) is None
    assert await cache.find(cached(), "a", QUESTION, {}) is None
    elsewhere = cached("e", replace(TARGET, address=Address(uds="/tmp/b"), failure="x"))
    assert await cache.find(elsewhere, None, QUESTION, {}) is not None
    assert (cache.hits, cache.misses) == (1, 2)


async def test_memory_is_bounded() -> None:
    cache = MemoryCache(100_000)
    for number in range(50):
        question = QUESTION._replace(body={"number": number})
        cache.keep(cached(), None, question, {}, ANSWER._replace(body=b"x" * 9000))
    assert 80_000 < cache.size <= 100_000
    newest = QUESTION._replace(body={"number": 49})
    assert await cache.find(cached(), None, newest, {}) is not None
    assert await cache.find(cached(), None, QUESTION._replace(body={"number": 0}), {}) is None


async def test_an_answer_that_would_fill_it_is_left_out() -> None:
    cache = MemoryCache(100_000)
    cache.keep(cached(), None, QUESTION, {}, ANSWER._replace(body=b"x" * 20_000))
    assert cache.size == 0
    MemoryCache(0).keep(cached(), None, QUESTION, {}, ANSWER)
