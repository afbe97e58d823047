"""Calls by the interfaces that one vendor has invented."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from gateway.stage import Stage, endpoint, open_stage, target
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, whole
from lakeserve.core.ai_gateway import AiGateway, GuardrailRules
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.identity import DEVELOPMENT_TOKEN
from lakeserve.gateway.sse import DONE

CHAT_REPLY = b'{"model":"m","choices":[{"index":0,"message":{"content":"Hi."}}]}'
EVENTS = [
    b'event: message_start\ndata: {"type":"message_start"}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
RESPONSES = "/serving-endpoints/responses"
MESSAGES = "/serving-endpoints/anthropic/v1/messages"
GEMINI = "/ai-gateway/gemini/v1beta/models/{}:{}"
ASKED: dict[str, Any] = {"model": "e", "input": "Hello"}
SAID: dict[str, Any] = {
    "model": "e",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "x"}],
}


@pytest.fixture
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("gw")) as opened:
        yield opened


def external(stage: Stage, *providers: str, model: str = "vendor-model") -> RoutableEndpoint:
    """An endpoint of external models."""
    address = stage.directory.now.endpoints["my-external"].targets[0].address
    assert address is not None
    there = replace(address, base_path="/v1")
    targets = [
        target(f"e{n}", there, provider=name, upstream_model=model, credential="key")
        for n, name in enumerate(providers)
    ]
    made = replace(endpoint("e", "llm/v1/chat", *targets), endpoint_type="EXTERNAL_MODEL")
    stage.add(made)
    return made


async def test_openai_has_the_responses_itself(stage: Stage) -> None:
    external(stage, "openai")
    stage.vendor.script = lambda _: [whole(200, b'{"object": "response"}')]
    for path in (RESPONSES, "/ai-gateway/openai/v1/responses", "/serving-endpoints/e/invocations"):
        answer = await stage.caller.call(path, {**ASKED, "usage_context": {"a": "b"}})
        assert answer.body == b'{"object": "response"}'
        assert stage.vendor.seen[-1].target == "/v1/responses"
        assert stage.vendor.seen[-1].json() == {"model": "vendor-model", "input": "Hello"}


async def test_streams_of_openais_responses(stage: Stage) -> None:
    external(stage, "openai")
    event = b'data: {"type":"response.completed"}\n\n'
    steps: list[Step] = [chunked_head(), chunk(b"event: response.completed\n" + event), LAST_CHUNK]
    stage.vendor.script = lambda _: steps
    answer = await stage.caller.call(RESPONSES, {**ASKED, "stream": True})
    assert answer.body == event + DONE
    assert stage.vendor.seen[-1].json() == {**ASKED, "model": "vendor-model", "stream": True}


@pytest.mark.parametrize("providers", [["custom"], ["openai", "databricks-model-serving"]])
async def test_others_chat(stage: Stage, providers: list[str]) -> None:
    made = external(stage, *providers)
    targets = tuple(replace(t, options={"path": "/x"}) for t in made.targets)
    stage.add(replace(made, targets=targets))
    stage.vendor.script = lambda _: [whole(200, CHAT_REPLY)]
    answer = await stage.caller.call(RESPONSES, ASKED)
    value = orjson.loads(answer.body)
    assert value["output"][0]["content"][0]["text"] == "Hi."
    assert stage.vendor.seen[-1].json()["messages"] == [{"role": "user", "content": "Hello"}]


async def test_workers_of_the_platform_chat(stage: Stage) -> None:
    stage.worker.script = lambda _: [whole(200, CHAT_REPLY)]
    answer = await stage.caller.call(RESPONSES, {**ASKED, "model": "my-chat"})
    assert orjson.loads(answer.body)["object"] == "response"


async def test_errors_of_the_responses(stage: Stage) -> None:
    external(stage, "openai")
    assert (await stage.caller.call(RESPONSES, {"model": "e"})).error[:2] == (400, "BAD_REQUEST")
    stage.worker.script = lambda _: [whole(429, b'{"error":{"message":"slow"}}')]
    answer = await stage.caller.call(RESPONSES, {**ASKED, "model": "my-chat"})
    assert answer.error[:2] == (429, "REQUEST_LIMIT_EXCEEDED")
    part = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    cut: list[Step] = [chunked_head(), chunk(part), "close"]
    stage.worker.script = lambda _: cut
    answer = await stage.caller.call(RESPONSES, {**ASKED, "model": "my-chat", "stream": True})
    assert b'"delta":"x"' in answer.body
    assert b'"error_code":"INTERNAL_ERROR"' in answer.body.rpartition(b"data: ")[2]
    assert b"response.completed" not in answer.body


async def test_what_guardrails_see_is_a_chat(stage: Stage) -> None:
    rules = AiGateway(output_rules=GuardrailRules(invalid_keywords=("secret",)))
    stage.add(replace(external(stage, "openai"), ai_gateway=rules))
    stage.vendor.script = lambda _: [whole(200, CHAT_REPLY)]
    await stage.caller.call(RESPONSES, ASKED)
    assert all(seen.target == "/v1/chat/completions" for seen in stage.vendor.seen)
    stage.add(replace(external(stage, "anthropic"), ai_gateway=rules))
    answer = await stage.caller.call(MESSAGES, SAID)
    assert answer.error[:2] == (501, "NOT_IMPLEMENTED")


async def test_messages_pass(stage: Stage) -> None:
    external(stage, "anthropic")

    def script(seen: Seen) -> list[Step]:
        assert seen.target == "/v1/messages"
        assert seen.headers["x-api-key"] == "key"
        if seen.json().get("stream"):
            return [chunked_head(), *map(chunk, EVENTS), LAST_CHUNK]
        return [whole(200, b'{"type": "message"}')]

    stage.vendor.script = script
    for path in (MESSAGES, "/ai-gateway/anthropic/v1/messages"):
        answer = await stage.caller.call(path, SAID)
        assert answer.body == b'{"type": "message"}'
        assert stage.vendor.seen[-1].json() == {**SAID, "model": "vendor-model"}
        answer = await stage.caller.call(path, {**SAID, "stream": True})
        assert answer.body == b"".join(EVENTS)


async def test_native_calls_are_accounted_for(stage: Stage) -> None:
    external(stage, "anthropic")
    used = (
        b'{"content":[{"type":"text","text":"Hi."}],"usage":{"input_tokens":3,"output_tokens":4}}'
    )
    stage.vendor.script = lambda _: [whole(200, used)]
    await stage.caller.call(MESSAGES, SAID)
    record = stage.ledger.records[-1]
    assert (record.operation, record.input_tokens, record.output_tokens) == ("messages", 3, 4)
    assert (record.input_characters, record.output_characters) == (1, 3)


async def test_messages_of_claude_on_vertex(stage: Stage) -> None:
    external(stage, "google-cloud-vertex-ai", model="claude-x@1")
    stage.vendor.script = lambda _: [whole(200, b"{}")]
    assert (await stage.caller.call(MESSAGES, SAID)).status == 200
    (seen,) = stage.vendor.seen
    assert seen.target == "/v1/publishers/anthropic/models/claude-x@1:rawPredict"
    sent = {name: value for name, value in SAID.items() if name != "model"}
    assert seen.json() == {"anthropic_version": "vertex-2023-10-16", **sent}


async def test_messages_that_are_cut_end_with_a_named_error(stage: Stage) -> None:
    external(stage, "anthropic")
    cut: list[Step] = [chunked_head(), chunk(EVENTS[0]), "close"]
    stage.vendor.script = lambda _: cut
    answer = await stage.caller.call(MESSAGES, {**SAID, "stream": True})
    assert answer.body.startswith(EVENTS[0] + b"event: error\ndata: ")


async def test_a_key_is_a_token_there(stage: Stage) -> None:
    external(stage, "anthropic")
    stage.vendor.script = lambda _: [whole(200, b"{}")]
    key = {"x-api-key": DEVELOPMENT_TOKEN}
    answer = await stage.caller.call(MESSAGES, SAID, authorization=None, headers=key)
    assert answer.status == 200
    answer = await stage.caller.call(MESSAGES, SAID, headers={"x-api-key": "unused"})
    assert answer.status == 200
    for path in (RESPONSES, "/serving-endpoints/chat/completions"):
        answer = await stage.caller.call(path, SAID, authorization=None, headers=key)
        assert answer.status == 401


async def test_gemini_passes(stage: Stage) -> None:
    external(stage, "google-cloud-vertex-ai", model="gemini-x")
    body = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    event = b'data: {"candidates":[]}\n\n'
    stage.vendor.script = lambda seen: (
        [chunked_head(), chunk(event), LAST_CHUNK]
        if "stream" in seen.target
        else [whole(200, b'{"candidates": []}')]
    )
    answer = await stage.caller.call(GEMINI.format("e", "generateContent"), body)
    assert answer.body == b'{"candidates": []}'
    answer = await stage.caller.call(GEMINI.format("e", "streamGenerateContent"), body)
    assert answer.body == event
    assert [seen.json() for seen in stage.vendor.seen] == [body, body]
    assert stage.vendor.seen[1].target.endswith("/gemini-x:streamGenerateContent?alt=sse")


@pytest.mark.parametrize(
    ("path", "body"),
    [(MESSAGES, SAID), (GEMINI.format("e", "generateContent"), {"contents": [{}]})],
)
async def test_others_do_not_have_these(stage: Stage, path: str, body: dict[str, Any]) -> None:
    external(stage, "openai")
    status, code, message = (await stage.caller.call(path, body)).error
    assert (status, code) == (400, "BAD_REQUEST")
    assert "served by openai" in message
    stage.add(endpoint("e", "llm/v1/embeddings", target("e", None)))
    assert (await stage.caller.call(path, body)).error[0] == 400
