"""Calls with more texts than their upstream takes at a time."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from gateway.stage import Stage, endpoint, open_stage, target
from gateway.strict_upstream import Seen, Step, until, whole
from gateway.test_signing import Signer
from lakeserve.core.ai_gateway import AiGateway, RateLimit, Routing
from lakeserve.core.errors import BadRequest
from lakeserve.gateway.attempt_failure import AttemptFailed
from lakeserve.gateway.batches import AT_ONCE, answers, embedded, exceeds, joined, split
from lakeserve.gateway.cache import MemoryCache
from lakeserve.gateway.limits.local import LocalLimiter
from lakeserve.gateway.task import Question
from providers import bedrock_schema
from vendors import amazon_vendor
from vendors.answers import INPUT_TOKENS, vector

PATH = "/serving-endpoints/titan/invocations"
TEXTS = ["a", "bb", "ccc"]
MODEL = "amazon.titan-embed-text-v2:0"
THROTTLED = whole(429, b'{"message": "Too many requests"}')


def question(texts: object, **more: Any) -> Question:
    return Question("embeddings", {"input": texts, **more}, b"{}", stream=False)


def answer(*vectors: list[float], **more: Any) -> bytes:
    data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
    return orjson.dumps({"object": "list", "data": data, "model": "m", **more})


def test_which_calls_exceed_one_request() -> None:
    assert exceeds(question(TEXTS), 2)
    assert not exceeds(question(TEXTS), 3)
    assert not exceeds(question("abc"), 1)
    assert not exceeds(question([1, 2, 3]), 1)  # one text, in the tokens of another vendor
    assert not exceeds(question(TEXTS)._replace(operation="chat"), 1)
    assert not exceeds(question(TEXTS)._replace(stream=True), 1)


def test_texts_are_split_in_order() -> None:
    batches = split(question(TEXTS, dimensions=256), 2)
    assert [(each.start, each.asked.body, each.asked.raw) for each in batches] == [
        (0, {"input": ["a", "bb"], "dimensions": 256}, None),
        (2, {"input": ["ccc"], "dimensions": 256}, None),
    ]
    with pytest.raises(BadRequest, match="at most 2048 texts, not 2049"):
        split(question(["x"] * 2049), 1)


@pytest.mark.parametrize(
    ("usages", "sum_of_them"),
    [
        ([{"prompt_tokens": 2, "total_tokens": 2}, {"prompt_tokens": 3, "total_tokens": 3}], 5),
        ([{"prompt_tokens": 2, "total_tokens": 2}, None], None),
    ],
)
def test_answers_are_joined(usages: list[Any], sum_of_them: int | None) -> None:
    first, second = split(question(TEXTS), 2)
    whole_answer = joined(
        [
            embedded(first, answer([1.5], [2.5], usage=usages[0])),
            embedded(second, answer([3.5], usage=usages[1])),
        ]
    )
    expected = orjson.loads(answer([1.5], [2.5], [3.5]))
    if sum_of_them is not None:
        expected["usage"] = {"prompt_tokens": sum_of_them, "total_tokens": sum_of_them}
    assert orjson.loads(whole_answer) == expected


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"[]",
        b"{}",
        b'{"data": 1}',
        b'{"data": [1]}',
        b'{"data": {}}',
        b'{"data": []}',
        answer([1.0], [2.0]),
        b'{"data": [{"x": ' + b"[" * 300 + b"]" * 300 + b"}]}",
    ],
)
def test_what_is_no_answer(reply: bytes) -> None:
    (batch,) = split(question(["a"]), 1)
    with pytest.raises(AttemptFailed, match="embedding for each text"):
        embedded(batch, reply)


async def test_some_are_asked_at_a_time() -> None:
    running, most = 0, 0

    async def ask(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (number % 3))
        running -= 1
        return number * 2

    assert await answers(ask, range(30)) == list(range(0, 60, 2))
    assert most == AT_ONCE


async def test_the_first_failure_ends_the_others() -> None:
    ended = []

    async def ask(number: int) -> int:
        try:
            await asyncio.sleep(0 if number == 1 else 60)
        finally:
            ended.append(number)
        raise LookupError(number)

    with pytest.raises(LookupError, match="1"):
        await answers(ask, range(3))
    assert sorted(ended) == [0, 1, 2]


@pytest.fixture
def titan(stage: Stage) -> Stage:
    """A stage with an endpoint ``titan``."""
    add_titan(stage)
    return stage


def add_titan(stage: Stage) -> None:
    """Let the vendor speak Bedrock's protocol, strictly."""
    there = stage.directory.now.endpoints["my-external"].targets[0].address
    assert there is not None
    entity = target(
        "t",
        replace(there, base_path=""),
        provider="amazon-bedrock",
        upstream_model=MODEL,
        options={"bedrock_provider": "amazon"},
        signer=Signer(),
    )
    stage.add(endpoint("titan", "llm/v1/embeddings", entity))
    stage.vendor.script = bedrock


def bedrock(seen: Seen) -> list[Step]:
    assert "x-signed" in seen.headers
    refusal = bedrock_schema.refusal(seen.target, seen.headers, seen.body)
    assert refusal is None, refusal
    reply = amazon_vendor.reply(unquote(seen.target), seen.json())
    assert isinstance(reply, bytes)
    return [whole(200, reply)]


def but(text: str, *steps: Step) -> Callable[[Seen], list[Step]]:
    """Bedrock, with other steps for the first request for one of the texts."""
    left = [text]

    def script(seen: Seen) -> list[Step]:
        if seen.json()["inputText"] in left:
            left.clear()
            return [*steps]
        return bedrock(seen)

    return script


def vectors(value: Any) -> list[Any]:
    assert [each["index"] for each in value["data"]] == list(range(len(value["data"])))
    return [each["embedding"] for each in value["data"]]


async def test_titan_embeds_lists(titan: Stage) -> None:
    titan.vendor.script = but("a", 0.05, *bedrock_reply("a"))
    asked = await titan.caller.call(PATH, {"input": TEXTS, "client_request_id": "c"})
    value = asked.json()
    assert vectors(value) == [vector(text) for text in TEXTS]
    tokens = 3 * INPUT_TOKENS
    assert value["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert (value["object"], value["model"]) == ("list", MODEL)
    (record,) = titan.ledger.records
    assert (record.status, record.attempts, record.input_tokens) == (200, 3, tokens)
    assert (record.input_characters, record.client_request_id) == (6, "c")
    assert record.first_byte_ms is not None
    assert record.queue_ms <= record.first_byte_ms <= record.duration_ms
    assert sorted(seen.json()["inputText"] for seen in titan.vendor.seen) == TEXTS


def bedrock_reply(text: str) -> list[Step]:
    found = {"embedding": vector(text), "inputTextTokenCount": INPUT_TOKENS}
    return [whole(200, orjson.dumps(found))]


async def test_a_single_text_is_a_single_request(titan: Stage) -> None:
    for given in ("a", ["a"]):
        assert vectors((await titan.caller.call(PATH, {"input": given})).json()) == [vector("a")]
    assert [record.attempts for record in titan.ledger.records] == [1, 1]


async def test_base64(titan: Stage) -> None:
    body = {"input": ["a", "bb"], "encoding_format": "base64"}
    assert vectors((await titan.caller.call(PATH, body)).json()) == ["AACAPwAAAD8=", "AAAAQAAAAD8="]


async def test_many(titan: Stage) -> None:
    texts = ["x" * number for number in range(1, 41)]
    value = (await titan.caller.call(PATH, {"input": texts})).json()
    assert vectors(value) == [vector(text) for text in texts]
    assert titan.vendor.opened <= AT_ONCE
    assert titan.ledger.records[0].attempts == 40


@pytest.mark.parametrize(
    ("steps", "status", "code"),
    [
        ([THROTTLED], 429, "REQUEST_LIMIT_EXCEEDED"),
        ([whole(400, b'{"message": "no"}')], 400, "BAD_REQUEST"),
        (["reset"], 502, "INTERNAL_ERROR"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "close"], 502, "INTERNAL_ERROR"),
        ([whole(200, b"{}")], 502, "INTERNAL_ERROR"),
        ([whole(200, b"<html></html>", "text/html")], 502, "INTERNAL_ERROR"),
    ],
)
async def test_a_fault_in_the_second_of_three(
    titan: Stage, steps: list[Step], status: int, code: str
) -> None:
    waits = asyncio.Event()
    fault = but("bb", 0.02, *steps)
    titan.vendor.script = lambda seen: [waits] if seen.json()["inputText"] == "ccc" else fault(seen)
    failed = await titan.caller.call(PATH, {"input": TEXTS})
    assert failed.error[:2] == (status, code)
    (record,) = titan.ledger.records
    assert (record.status, record.error_code, record.attempts) == (status, code, 3)
    await until(lambda: titan.vendor.open <= 2)  # the third was cut, the others may be kept
    titan.vendor.script = bedrock
    good = await titan.caller.call(PATH, {"input": TEXTS})
    assert vectors(good.json()) == [vector(text) for text in TEXTS]


async def test_what_cannot_be_asked_is_not_sent(titan: Stage) -> None:
    refused = await titan.caller.call(PATH, {"input": TEXTS, "user": "u"})
    assert refused.error[0] == 400
    refused = await titan.caller.call(PATH, {"input": ["x"] * 2049})
    assert refused.error == (
        400,
        "BAD_REQUEST",
        "Field 'input' must hold at most 2048 texts, not 2049.",
    )
    assert titan.vendor.seen == []
    assert [record.attempts for record in titan.ledger.records] == [0, 0]


async def test_only_what_failed_is_asked_again(titan: Stage) -> None:
    titan.govern("titan", AiGateway(routing=Routing(retries=1)))
    titan.vendor.script = but("bb", THROTTLED)
    good = await titan.caller.call(PATH, {"input": TEXTS})
    assert vectors(good.json()) == [vector(text) for text in TEXTS]
    asked = sorted(seen.json()["inputText"] for seen in titan.vendor.seen)
    assert asked == ["a", "bb", "bb", "ccc"]
    assert titan.ledger.records[0].attempts == 4


async def test_the_next_entity_is_asked_in_its_own_way(titan: Stage) -> None:
    first = titan.directory.now.endpoints["titan"].targets[0]
    spare = target("spare", titan.worker_address, weight=0)
    both = endpoint("titan", "llm/v1/embeddings", first, spare)
    titan.add(replace(both, ai_gateway=AiGateway(fallback=True)))
    titan.vendor.script = but("bb", THROTTLED)
    reply = answer(*map(vector, TEXTS))
    titan.worker.script = lambda _: [whole(200, reply)]
    good = await titan.caller.call(PATH, {"input": TEXTS})
    assert good.body == reply
    assert good.headers["served-model-name"] == "spare"
    (seen,) = titan.worker.seen
    assert seen.json()["input"] == TEXTS
    (record,) = titan.ledger.records
    assert (record.status, record.entity_name, record.attempts) == (200, "spare", 4)


async def test_limits_and_cache_see_one_call() -> None:
    cache, limiter = MemoryCache(1_000_000, time.time), LocalLimiter()
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        async with open_stage(Path(folder), cache=cache, limiter=limiter) as stage:
            add_titan(stage)
            limits = (RateLimit(calls=2),)
            stage.govern("titan", AiGateway(cache_ttl_s=60, rate_limits=limits))
            first = await stage.caller.call(PATH, {"input": TEXTS})
            again = await stage.caller.call(PATH, {"input": TEXTS})
            assert again.body == first.body
            marks = [each.headers["x-lakeserve-cache"] for each in (first, again)]
            assert marks == ["miss", "hit"]
            assert len(stage.vendor.seen) == 3
            assert (await stage.caller.call(PATH, {"input": TEXTS})).status == 429
            assert [record.attempts for record in stage.ledger.records] == [3, 0, 0]


async def test_a_caller_that_leaves_frees_every_connection(titan: Stage) -> None:
    waits = asyncio.Event()
    titan.vendor.script = lambda _: [waits]
    call = titan.caller.start(PATH, {"input": ["x"] * 20})
    await until(lambda: len(titan.vendor.seen) == AT_ONCE)
    call.leave()
    await call.done()
    await until(lambda: not titan.vendor.open)
    assert titan.gateway.in_flight == 0
    assert len(titan.vendor.seen) == AT_ONCE
    (record,) = titan.ledger.records
    assert (record.status, record.attempts) == (499, AT_ONCE)
