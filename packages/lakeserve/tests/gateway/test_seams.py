"""Where other parts join: who is asked what, in which order, and what comes of it."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway.stage import CHAT, HELLO, STREAM, Stage, open_stage
from gateway.strict_upstream import LAST_CHUNK, chunk, chunked_head, whole
from lakeserve.core.ai_gateway import AiGateway, GuardrailRules, RateLimit
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BadRequest, BudgetSpent, TooManyRequests, WireError
from lakeserve.core.identity import Principal
from lakeserve.gateway.seams import KeptAnswer
from lakeserve.gateway.task import Question

USAGE = {"prompt_tokens": 7, "completion_tokens": 5}
REPLY = orjson.dumps({"choices": [{"message": {"content": "secret"}}], "usage": USAGE})
EVENTS = [
    b'data: {"choices":[{"index":0,"delta":{"content":"sec"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"ret"}}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n',
]
DONE = b"data: [DONE]\n\n"


@dataclass
class Parts:
    """Everything that can join, remembering what it was asked."""

    asked: list[str] = field(default_factory=list)
    refuses: dict[str, WireError] = field(default_factory=dict)
    settled: list[int] = field(default_factory=list)
    kept: dict[bytes, KeptAnswer] = field(default_factory=dict)
    held: bytes = b""

    def _meet(self, name: str) -> None:
        self.asked.append(name)
        if name in self.refuses:
            raise self.refuses[name]

    async def reserve(self, endpoint: RoutableEndpoint, caller: Principal, tokens: int) -> "Parts":
        self._meet(f"reserve {tokens}")
        return self

    def settle(self, tokens: int) -> None:
        self.settled.append(tokens)

    async def find(
        self,
        endpoint: RoutableEndpoint,
        entity: str | None,
        asked: Question,
        headers: Mapping[bytes, bytes],
    ) -> KeptAnswer | None:
        self._meet("find")
        return self.kept.get(orjson.dumps(asked.body))

    def keep(
        self,
        endpoint: RoutableEndpoint,
        entity: str | None,
        asked: Question,
        headers: Mapping[bytes, bytes],
        answer: KeptAnswer,
    ) -> None:
        self._meet("keep")
        self.kept[orjson.dumps(asked.body)] = answer

    async def check(self, endpoint: RoutableEndpoint, asked: Question) -> Question:
        self._meet("check")
        body = {**asked.body, "messages": [{"role": "user", "content": "masked"}]}
        return asked._replace(body=body, raw=None)

    def output(self, endpoint: RoutableEndpoint, asked: Question) -> "Parts":
        self._meet("output")
        return self

    async def whole(self, body: bytes) -> bytes:
        self._meet("whole")
        return body.replace(b"secret", b"<TEXT>")

    async def events(self, events: bytes) -> bytes:
        self._meet("events")
        assert b"[DONE]" not in events
        self.held += events
        return b""

    async def end(self) -> bytes:
        self._meet("end")
        return self.held.replace(b'"sec"', b'"<TEXT>"').replace(b'"ret"', b'""')


EVERYTHING = AiGateway(
    rate_limits=(RateLimit(calls=1),),
    cache_ttl_s=60,
    input_rules=GuardrailRules(pii="MASK"),
    output_rules=GuardrailRules(pii="MASK"),
)


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
async def stage(parts: Parts) -> AsyncIterator[Stage]:
    seams: dict[str, Any] = {
        "limiter": parts,
        "cache": parts,
        "rules": parts,
    }
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        async with open_stage(Path(folder), **seams) as opened:
            opened.govern("my-chat", EVERYTHING)
            opened.worker.script = lambda seen: (
                [chunked_head(), *map(chunk, [*EVENTS, DONE]), LAST_CHUNK]
                if "stream" in seen.json()
                else [whole(200, REPLY)]
            )
            yield opened


async def test_the_order(stage: Stage, parts: Parts) -> None:
    answer = await stage.caller.call(CHAT, {**HELLO, "max_tokens": 10})
    before = ["find", "reserve 11", "check", "output"]
    assert parts.asked == [*before, "whole", "keep"]
    assert stage.worker.seen[0].json()["messages"][0]["content"] == "masked"
    assert answer.json()["choices"][0]["message"]["content"] == "<TEXT>"
    assert parts.settled == [12]


async def test_events_are_held_back(stage: Stage, parts: Parts) -> None:
    answer = await stage.caller.call(CHAT, STREAM)
    assert b"sec" not in answer.body
    assert b"<TEXT>" in answer.body
    assert answer.body.endswith(DONE)
    assert parts.settled == [12]
    assert stage.ledger.records[0].output_tokens == 5


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_an_answer_is_given_again(stage: Stage, parts: Parts, body: dict[str, Any]) -> None:
    first = await stage.caller.call(CHAT, body)
    second = await stage.caller.call(CHAT, body)
    assert first.body == second.body
    assert second.headers["served-model-name"] == "my-chat-1"
    assert len(stage.worker.seen) == 1
    records = stage.ledger.records
    assert [record.is_cached for record in records] == [False, True]
    assert [record.output_tokens for record in records] == [5, 5]
    assert [record.attempts for record in records] == [1, 0]
    assert parts.settled == [12, 0]


@pytest.mark.parametrize("name", ["reserve 1", "check", "output"])
@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_refusals_before_anybody_is_asked(
    stage: Stage, parts: Parts, name: str, body: dict[str, Any]
) -> None:
    refused: WireError = TooManyRequests("no", retry_after=7)
    if name in {"check", "output"}:
        refused = BadRequest("no")
    parts.refuses[name] = refused
    tokens = {**body, "messages": [{"role": "user", "content": "abc"}]}
    answer = await stage.caller.call(CHAT, tokens)
    assert answer.error[:2] == (refused.status, refused.error_code)
    assert stage.worker.seen == []
    assert stage.ledger.records[0].status == refused.status
    assert parts.settled == ([] if name == "reserve 1" else [0])


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_a_call_that_cannot_be_paid(stage: Stage, parts: Parts, body: dict[str, Any]) -> None:
    stage.ledger.refusal = TooManyRequests("spent", retry_after=3600)
    answer = await stage.caller.call(CHAT, body)
    assert answer.error == (429, "REQUEST_LIMIT_EXCEEDED", "spent")
    assert answer.headers["retry-after"] == "3600"
    assert parts.asked == []
    assert stage.worker.seen == []


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_what_is_known_needs_no_money(
    stage: Stage, parts: Parts, body: dict[str, Any]
) -> None:
    first = await stage.caller.call(CHAT, body)
    stage.ledger.refusal = BudgetSpent("spent", retry_after=3600)
    assert (await stage.caller.call(CHAT, body)).body == first.body
    parts.asked.clear()
    answer = await stage.caller.call(CHAT, {**body, "temperature": 0.5})
    assert answer.error == (429, "REQUEST_LIMIT_EXCEEDED", "spent")
    assert parts.asked == ["find"]  # it takes nothing of the limits
    assert len(stage.worker.seen) == 1
    refused = [record.refused_by for record in stage.ledger.records]
    assert refused == ["", "", "budget"]


@pytest.mark.parametrize(("name", "body"), [("whole", HELLO), ("events", STREAM), ("end", STREAM)])
async def test_answers_that_may_not_leave(
    stage: Stage, parts: Parts, name: str, body: dict[str, Any]
) -> None:
    parts.refuses[name] = BadRequest("blocked")
    answer = await stage.caller.call(CHAT, body)
    assert answer.error == (400, "BAD_REQUEST", "blocked")
    assert parts.kept == {}
    record = stage.ledger.records[0]
    assert record.status == 400
    assert record.output_tokens == (1 if name == "events" else 5)


@pytest.mark.parametrize(
    "wanted",
    [
        AiGateway(cache_ttl_s=1),
        AiGateway(input_rules=EVERYTHING.input_rules),
        AiGateway(output_rules=EVERYTHING.output_rules),
    ],
)
async def test_what_nobody_supplies_is_not_skipped(tmp_path: Path, wanted: AiGateway) -> None:
    async with open_stage(tmp_path) as stage:
        stage.govern("my-chat", wanted)
        answer = await stage.caller.call(CHAT, HELLO)
        assert answer.error[:2] == (501, "NOT_IMPLEMENTED")
        assert stage.worker.seen == []


async def test_rules_that_ask_for_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        nothing = GuardrailRules()
        stage.govern("my-chat", AiGateway(input_rules=nothing, output_rules=nothing))
        assert (await stage.caller.call(CHAT, HELLO)).status == 200
