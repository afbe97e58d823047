import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from gateway.guardrails.stand_in import Censor, Sevens
from lakeserve.core.ai_gateway import AiGateway, GuardrailRules
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BadRequest, BadUpstream, NotBuilt
from lakeserve.core.grants import Grantees
from lakeserve.core.guardrails import Abilities
from lakeserve.gateway.guardrails import rules as rules_module
from lakeserve.gateway.guardrails.inspection import Inspector
from lakeserve.gateway.guardrails.rules import AnswerRules, Guardrails
from lakeserve.gateway.task import Question

INSPECTOR = Inspector(Sevens(), Censor())
MASK, BLOCK = GuardrailRules(pii="MASK"), GuardrailRules(pii="BLOCK")
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def endpoint(
    given: GuardrailRules | None = None, answered: GuardrailRules | None = None
) -> RoutableEndpoint:
    block = AiGateway(input_rules=given, output_rules=answered)
    nobody = Grantees()
    return RoutableEndpoint("e", "n", "llm/v1/chat", "EXTERNAL_MODEL", (), nobody, nobody, block)


def asked(text: str = "a 77 b", **fields: Any) -> Question:
    body = {"messages": [{"role": "user", "content": text}], **fields}
    return Question("chat", body, json.dumps(body).encode(), stream=False)


def told(error: BadRequest) -> Any:
    return json.loads(error.message)


class Sleeper(Sevens):
    """Knows whether it was woken."""

    def __init__(self) -> None:
        self.woken = threading.Event()

    def load(self) -> None:
        self.woken.set()


@pytest.mark.parametrize("rules", [MASK, BLOCK])
def test_what_will_be_needed_is_loaded_before(rules: GuardrailRules) -> None:
    sleeper = Sleeper()
    Guardrails(Inspector(sleeper)).prepare([endpoint(), endpoint(answered=rules)])
    assert sleeper.woken.wait(30)


def test_what_nobody_needs_is_not_loaded() -> None:
    sleeper = Sleeper()
    plain = endpoint(GuardrailRules(safety=True), GuardrailRules())
    guardrails = Guardrails(Inspector(sleeper))
    guardrails.prepare([plain, replace(plain, ai_gateway=None)])
    Guardrails(Inspector()).prepare([endpoint(MASK)])
    assert not sleeper.woken.is_set()
    assert guardrails.abilities == Abilities(personal_data=True)


async def test_a_masked_question() -> None:
    question = await Guardrails(INSPECTOR).check(endpoint(MASK), asked())
    assert question.body == {"messages": [{"role": "user", "content": "a <US_SSN> b"}]}
    assert question.raw is None


@pytest.mark.parametrize("rules", [MASK, BLOCK, GuardrailRules(), None])
async def test_a_question_that_stays(rules: GuardrailRules | None) -> None:
    question = asked("nothing")
    assert await Guardrails(INSPECTOR).check(endpoint(rules), question) is question


async def test_a_blocked_question() -> None:
    with pytest.raises(BadRequest) as caught:
        await Guardrails(INSPECTOR).check(endpoint(BLOCK), asked())
    assert told(caught.value)["usage"] == {"prompt_tokens": 1, "total_tokens": 1}


def answer(rules: GuardrailRules) -> AnswerRules:
    made = Guardrails(INSPECTOR).output(endpoint(answered=rules), asked())
    assert isinstance(made, AnswerRules)
    return made


def whole(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps({"choices": [{"index": 0, "message": message}], "usage": USAGE}).encode()


async def test_a_whole_answer() -> None:
    body = json.loads(await answer(MASK).whole(whole("77")))
    assert body["choices"][0]["message"]["content"] == "<US_SSN>"
    assert await answer(MASK).whole(whole("a")) == whole("a")
    assert await answer(BLOCK).whole(b"[]") == b"[]"
    with pytest.raises(BadRequest) as caught:
        await answer(BLOCK).whole(whole("77"))
    assert told(caught.value)["usage"] == USAGE
    assert told(caught.value)["finishReason"] == "output_guardrail_triggered"
    with pytest.raises(BadUpstream, match="no JSON"):
        await answer(MASK).whole(b"{")


def event(text: str = "", **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


async def test_masks_are_put_on_while_events_pass() -> None:
    rules = answer(MASK)
    assert b'"one two"' in await rules.events(event("one two "))
    assert await rules.events(event("77")) == b""
    assert b"<US_SSN>" in await rules.end()


@pytest.mark.parametrize("length", [10, 10_000])
async def test_long_events_are_masked_as_well(length: int) -> None:
    rules = answer(MASK)
    passed = await rules.events(event("77 " + "a " * length)) + await rules.end()
    assert (b"77" in passed, b"<US_SSN>" in passed) == (False, True)


@pytest.mark.parametrize(
    ("rules", "parts"),
    [
        (BLOCK, ["a 7", "7"]),
        (GuardrailRules(invalid_keywords=("Secret",)), ["se", "cret"]),
        (GuardrailRules(safety=True), ["ha", "te"]),
        (GuardrailRules(pii="MASK", invalid_keywords=("secret",)), ["77 sec", "ret"]),
    ],
)
async def test_forbidden_answers_leave_nothing(rules: GuardrailRules, parts: list[str]) -> None:
    made = answer(rules)
    for part in parts:
        assert await made.events(event(part)) == b""
    with pytest.raises(BadRequest) as caught:
        await made.end()
    assert told(caught.value)["usage"]["prompt_tokens"] == 1


async def test_what_an_answer_reports_is_told() -> None:
    made = answer(BLOCK)
    await made.events(event("77"))
    await made.events(event(usage=USAGE))
    with pytest.raises(BadRequest) as caught:
        await made.end()
    assert told(caught.value)["usage"] == USAGE


async def test_answers_that_pass_leave_as_they_came() -> None:
    made = answer(BLOCK)
    await made.events(event("a"))
    await made.events(event("b"))
    assert await made.end() == event("a") + event("b")
    both = answer(GuardrailRules(pii="MASK", invalid_keywords=("secret",)))
    await both.events(event("77 b"))
    passed = await both.end()
    assert (b"<US_SSN>" in passed, b"77" in passed) == (True, False)


async def test_calls_of_tools_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = answer(BLOCK)
    call = {"index": 0, "function": {"arguments": '{"a": "77"}'}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    await made.events(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
    with pytest.raises(BadRequest):
        await made.end()


async def test_an_answer_longer_than_can_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "MAX_HELD_BYTES", 100)
    made = answer(BLOCK)
    await made.events(event("a"))
    with pytest.raises(BadUpstream, match="exceeds 100 bytes"):
        await made.events(event("a"))


async def test_what_cannot_be_kept_is_said_before_the_call() -> None:
    rules = Guardrails(Inspector())
    with pytest.raises(NotBuilt, match="not installed"):
        rules.output(endpoint(answered=MASK), asked())
    with pytest.raises(NotBuilt, match="not installed"):
        await rules.check(endpoint(BLOCK), asked())


@pytest.mark.parametrize(
    ("task", "operation"),
    [("agent/v2/chat", "chat"), ("llm/v1/chat", "predict"), (None, "predict")],
)
async def test_what_cannot_be_read_does_not_pass(task: Any, operation: Any) -> None:
    guarded = replace(endpoint(MASK, MASK), task=task)
    question = asked()._replace(operation=operation)
    guardrails = Guardrails(INSPECTOR)
    with pytest.raises(NotBuilt, match="not calls of this kind"):
        await guardrails.check(guarded, question)
    with pytest.raises(NotBuilt, match="not calls of this kind"):
        guardrails.output(guarded, question)


async def test_token_ids_may_be_asked_where_only_answers_are_looked_at() -> None:
    question = Question("completions", {"prompt": [1, 2]}, None, stream=False)
    guarded = replace(endpoint(answered=BLOCK), task="llm/v1/completions")
    made = Guardrails(INSPECTOR).output(guarded, question)
    with pytest.raises(BadRequest):
        await made.whole(b'{"choices": [{"text": "77"}]}')


async def test_embeddings_have_no_text_to_look_at() -> None:
    question = Question("embeddings", {"input": [[1]]}, None, stream=False)
    made = Guardrails(INSPECTOR).output(endpoint(answered=MASK), question)
    body = b'{"data": [{"embedding": [77]}]}'
    assert await made.whole(body) == body
