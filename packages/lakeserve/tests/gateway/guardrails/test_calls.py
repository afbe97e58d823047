"""Guardrails on calls that go through the whole gateway."""

import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from gateway.guardrails.stand_in import Censor
from gateway.stage import CHAT, HELLO, STREAM, Stage, open_stage
from gateway.strict_upstream import LAST_CHUNK, Seen, chunk, chunked_head, whole
from lakeserve.core.ai_gateway import AiGateway, GuardrailRules
from lakeserve.gateway.guardrails.inspection import Inspector
from lakeserve.gateway.guardrails.personal_data import PatternFinder
from lakeserve.gateway.guardrails.rules import Guardrails

FINDER = PatternFinder()
FINDER.load()  # calls have five seconds
MASK, BLOCK = GuardrailRules(pii="MASK"), GuardrailRules(pii="BLOCK")
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
WORDS = ["Write ", "to jane", "@exam", "ple.com or call ", "(212) 555", "-0123 ", "now."]


def answer(seen: Seen) -> Any:
    if not seen.json().get("stream"):
        message = {"role": "assistant", "content": "".join(WORDS)}
        body = {"choices": [{"index": 0, "message": message}], "usage": USAGE}
        return [whole(200, json.dumps(body).encode())]
    parts: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": word}}]} for word in WORDS
    ]
    parts += [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": USAGE},
    ]
    events = [b"data: " + json.dumps(part).encode() + b"\n\n" for part in parts]
    return [chunked_head(), *map(chunk, events), chunk(b"data: [DONE]\n\n"), LAST_CHUNK]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    rules = Guardrails(Inspector(FINDER, Censor()))
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        async with open_stage(Path(folder), rules=rules) as opened:
            opened.worker.script = answer
            yield opened


def question(text: str, **fields: Any) -> dict[str, Any]:
    return {**HELLO, "messages": [{"role": "user", "content": text}], **fields}


async def test_the_upstream_sees_masks_only(stage: Stage) -> None:
    stage.govern("my-chat", AiGateway(input_rules=MASK))
    reply = await stage.caller.call(CHAT, question("I am jane@example.com", temperature=0.5))
    assert reply.status == 200
    sent = stage.worker.seen[0].json()
    assert sent["messages"] == [{"role": "user", "content": "I am <EMAIL_ADDRESS>"}]
    assert sent["temperature"] == 0.5
    assert b"jane@" not in stage.worker.seen[0].body


@pytest.mark.parametrize("stream", [False, True])
async def test_a_blocked_question_reaches_nobody(stage: Stage, stream: bool) -> None:
    stage.govern("my-chat", AiGateway(input_rules=BLOCK))
    body = question("I am jane@example.com", stream=stream)
    reply = await stage.caller.call(CHAT, body)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    told = json.loads(json.loads(reply.body)["message"])
    assert told["finishReason"] == "input_guardrail_triggered"
    assert told["input_guardrail"][0]["anonymized_input"] == ["I am <EMAIL_ADDRESS>"]
    assert stage.worker.seen == []
    (record,) = stage.ledger.records
    assert (record.status, record.output_tokens) == (400, 0)


async def test_the_caller_sees_masks_only(stage: Stage) -> None:
    stage.govern("my-chat", AiGateway(output_rules=MASK))
    reply = await stage.caller.call(CHAT, HELLO)
    text = json.loads(reply.body)["choices"][0]["message"]["content"]
    assert text == "Write to <EMAIL_ADDRESS> or call <PHONE_NUMBER> now."
    (record,) = stage.ledger.records
    assert (record.status, record.input_tokens, record.output_tokens) == (200, 7, 5)


async def test_a_stream_is_masked_on_its_way(stage: Stage) -> None:
    stage.govern("my-chat", AiGateway(output_rules=MASK))
    reply = await stage.caller.call(CHAT, STREAM)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream")
    events = [json.loads(event[6:]) for event in reply.body.split(b"\n\n")[:-2]]
    texts = [choice["delta"].get("content", "") for event in events for choice in event["choices"]]
    assert "".join(texts) == "Write to <EMAIL_ADDRESS> or call <PHONE_NUMBER> now."
    assert len([text for text in texts if text]) > 2
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert events[-1]["usage"] == USAGE
    (record,) = stage.ledger.records
    assert (record.status, record.input_tokens, record.output_tokens) == (200, 7, 5)


@pytest.mark.parametrize("body", [HELLO, STREAM])
@pytest.mark.parametrize("rules", [BLOCK, GuardrailRules(invalid_keywords=("JANE@EXAMPLE",))])
async def test_nothing_of_a_forbidden_answer_leaves(
    stage: Stage, body: dict[str, Any], rules: GuardrailRules
) -> None:
    stage.govern("my-chat", AiGateway(output_rules=rules))
    reply = await stage.caller.call(CHAT, body)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    told = json.loads(json.loads(reply.body)["message"])
    assert (told["finishReason"], told["usage"]) == ("output_guardrail_triggered", USAGE)
    assert b"jane" not in reply.body
    (record,) = stage.ledger.records
    assert (record.status, record.output_tokens) == (400, 5)


async def test_what_is_allowed_passes_as_it_came(stage: Stage) -> None:
    stage.govern("my-chat", AiGateway())
    plain = await stage.caller.call(CHAT, STREAM)
    rules = GuardrailRules("NONE", True, ("elephant",), ("Write",))
    stage.govern("my-chat", AiGateway(output_rules=rules))
    checked = await stage.caller.call(CHAT, STREAM)
    assert (checked.status, checked.body) == (200, plain.body)
