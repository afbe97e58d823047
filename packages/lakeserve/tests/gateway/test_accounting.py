"""What is written down of calls, whatever becomes of them: each once."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway.stage import CHAT, EXTERNAL, HELLO, STREAM, Stage, open_stage
from gateway.strict_upstream import LAST_CHUNK, Step, chunk, chunked_head, until, whole
from lakeserve.core.ai_gateway import AiGateway, PayloadTable
from lakeserve.core.usage import CallRecord

USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
REPLY = {"choices": [{"message": {"content": "Hello you"}}], "usage": USAGE}
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
LAST = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"
PAYLOADS = AiGateway(payload_table=PayloadTable(True, "c", "s", "p"))


def only(stage: Stage) -> CallRecord:
    (record,) = stage.ledger.records
    return record


async def test_a_whole_answer(stage: Stage) -> None:
    stage.worker.script = lambda _: [whole(200, orjson.dumps(REPLY))]
    body = {**HELLO, "client_request_id": "mine", "usage_context": {"team": "a", "n": 1}}
    tags = {"databricks-ai-gateway-request-tags": '{"team": "b", "tag": "c"}'}
    answer = await stage.caller.call(CHAT, body, headers=tags)
    record = only(stage)
    assert record.request_id == answer.headers["x-databricks-request-id"]
    assert (record.client_request_id, record.requester) == ("mine", "a@b.c")
    assert (record.endpoint_id, record.endpoint_name) == ("id-my-chat", "my-chat")
    assert (record.entity_id, record.entity_name) == ("id-my-chat-1", "my-chat-1")
    assert (record.status, record.operation, record.streaming) == (200, "chat", False)
    assert (record.input_tokens, record.output_tokens) == (7, 5)
    assert (record.input_characters, record.output_characters) == (5, 9)
    assert record.usage_context == {"team": "a", "n": "1", "tag": "c"}
    assert record.first_byte_ms is not None
    assert 0 <= record.queue_ms <= record.first_byte_ms <= record.duration_ms
    assert (record.attempts, record.is_cached, record.is_shadow) == (1, False, False)
    assert (record.provider, record.model, record.error_code) == ("local", "demo", "")
    assert (record.request, record.response) == (None, None)


async def test_a_stream(stage: Stage) -> None:
    stage.worker.script = lambda _: [
        chunked_head(),
        *(chunk(part) for part in (TEXT, TEXT, LAST, DONE)),
        LAST_CHUNK,
    ]
    await stage.caller.call(CHAT, STREAM)
    record = only(stage)
    assert (record.status, record.streaming) == (200, True)
    assert (record.input_tokens, record.output_tokens, record.output_characters) == (7, 5, 10)


async def test_it_is_written_before_the_last_byte(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.worker.script = lambda _: [chunked_head(), chunk(TEXT), gate, chunk(DONE), LAST_CHUNK]
    call = stage.caller.start(CHAT, STREAM)
    await call.parts(1)
    assert stage.ledger.records == []
    call.takes.clear()
    gate.set()
    await asyncio.sleep(0.05)
    assert not call.answer.finished
    call.takes.set()
    await call.done()
    assert only(stage).status == 200


async def test_payloads_where_they_are_kept(stage: Stage) -> None:
    stage.govern("my-chat", PAYLOADS)
    stage.worker.script = lambda seen: (
        [chunked_head(), chunk(TEXT + TEXT), chunk(DONE), LAST_CHUNK]
        if "stream" in seen.json()
        else [whole(200, orjson.dumps(REPLY))]
    )
    await stage.caller.call(CHAT, HELLO)
    await stage.caller.call(CHAT, STREAM)
    first, second = stage.ledger.records
    assert first.request == orjson.dumps(HELLO)
    assert first.response == orjson.dumps(REPLY)
    assert second.response is not None
    assert orjson.loads(second.response)["choices"][0]["message"]["content"] == "HelloHello"


@pytest.mark.parametrize("body", [EXTERNAL, {**EXTERNAL, "stream": True}])
@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([whole(429, b"{}")], 429),
        ([whole(500, b"{}")], 502),
        (["close"], 502),
        ([whole(200, b"<html>", "text/html")], 502),
    ],
)
async def test_failures(stage: Stage, body: dict[str, Any], steps: list[Step], status: int) -> None:
    stage.vendor.script = lambda _: steps
    answer = await stage.caller.call(CHAT, body)
    record = only(stage)
    assert answer.status == record.status == status
    assert (record.input_tokens, record.output_tokens) == (0, 0)
    assert record.entity_name == "my-external-1"
    assert record.error_code == answer.error[1]


@pytest.mark.parametrize("end", ["close", "reset", b"garbage\r\n"])
async def test_a_stream_that_broke_off(stage: Stage, end: Step) -> None:
    stage.vendor.script = lambda _: [chunked_head(), chunk(TEXT), 0.01, end]
    await stage.caller.call(CHAT, {**EXTERNAL, "stream": True})
    record = only(stage)
    assert record.status == 502
    assert (record.input_tokens, record.output_tokens, record.output_characters) == (1, 1, 5)


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_a_caller_that_left(stage: Stage, body: dict[str, Any]) -> None:
    stage.worker.script = lambda _: [chunked_head(), chunk(TEXT), asyncio.Event()]
    call = stage.caller.start(CHAT, body)
    await until(lambda: stage.worker.seen)
    await asyncio.sleep(0.05)
    call.leave()
    await call.done()
    record = only(stage)
    assert record.status == 499
    assert record.output_characters == (5 if record.streaming else 0)


async def test_a_call_that_took_too_long(tmp_path: Path) -> None:
    async with open_stage(tmp_path, timeout_s=0.1) as stage:
        stage.vendor.script = lambda _: [1.0]
        await stage.caller.call(CHAT, EXTERNAL)
        assert only(stage).status == 504


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/serving-endpoints/my-chat/invocations", b"{", 400),
        ("/serving-endpoints/my-chat/invocations", {"inputs": "x"}, 400),
        ("/serving-endpoints/my-chat/invocations", b" " * 200_000, 413),
        ("/serving-endpoints/my-chat/served-models/nobody/invocations", HELLO, 404),
        (CHAT, {**HELLO, "messages": []}, 400),
    ],
)
async def test_refused_questions(stage: Stage, path: str, body: Any, status: int) -> None:
    answer = await stage.caller.call(path, body)
    assert answer.status == only(stage).status == status
    assert only(stage).attempts == 0


async def test_what_concerns_no_endpoint_is_not_written(stage: Stage) -> None:
    await stage.caller.call(CHAT, {**HELLO, "model": "nobody"})
    await stage.caller.call(CHAT, HELLO, authorization="Bearer wrong")
    assert stage.ledger.records == []


async def test_a_ledger_that_fails(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(call: CallRecord) -> None:
        raise OSError("no space")

    monkeypatch.setattr(stage.ledger, "record", full)
    answer = await stage.caller.call(CHAT, HELLO)
    assert answer.error[:2] == (500, "INTERNAL_ERROR")
    assert "no space" in caplog.text


async def test_the_answer_says_where_the_time_went(stage: Stage) -> None:
    whole_answer = await stage.caller.call(CHAT, HELLO)
    stage.worker.script = lambda _: [chunked_head(), chunk(b"data: 1\n\n"), LAST_CHUNK]
    for answer in (whole_answer, await stage.caller.call(CHAT, STREAM)):
        timing = answer.headers["server-timing"]
        parts = dict(part.split(";dur=") for part in timing.split(", "))
        assert list(parts) == ["queue", "upstream", "total"]
        assert float(parts["total"]) >= float(parts["queue"]) >= 0
