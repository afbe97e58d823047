"""What callers get when a vendor with a protocol of its own fails, through the real gateway."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from gateway.stage import Stage, endpoint, open_stage, target
from gateway.strict_upstream import LAST_CHUNK, Step, chunk, chunked_head, whole
from lakeserve.gateway.sse import DONE
from providers.transcripts import ROOT, SECRET, read

INVOCATIONS = "/serving-endpoints/vendors/invocations"
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
STREAM = {**HELLO, "stream": True}
DEEP = b'{"content":[{"type":"tool_use","input":' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"}]}"

each_vendor = pytest.mark.parametrize("vendor", ["anthropic", "cohere"])


@pytest.fixture
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("gw")) as opened:
        yield opened


def play(stage: Stage, vendor: str, *steps: Step) -> None:
    """Let the vendor answer with these steps."""
    address = stage.directory.now.endpoints["my-external"].targets[0].address
    assert address is not None
    there = replace(address, base_path="")
    entity = target("there", there, provider=vendor, credential=SECRET)
    stage.add(endpoint("vendors", "llm/v1/chat", entity))
    stage.vendor.script = lambda _: steps


def stream_of(vendor: str) -> bytes:
    return read(ROOT / vendor / "chat-stream").answer


def last_event(body: bytes) -> dict[str, Any]:
    assert DONE not in body
    value: dict[str, Any] = orjson.loads(body.strip().rpartition(b"data: ")[2])
    return value


@each_vendor
@pytest.mark.parametrize("ends", [[LAST_CHUNK], ["close"], ["reset"]])
async def test_a_stream_that_is_cut(stage: Stage, vendor: str, ends: Sequence[Step]) -> None:
    answer = stream_of(vendor)
    play(stage, vendor, chunked_head(), chunk(answer[: len(answer) // 2]), *ends)
    answered = await stage.caller.call(INVOCATIONS, STREAM)
    assert last_event(answered.body)["error_code"] == "INTERNAL_ERROR"
    assert b'"role":"assistant"' in answered.body


@each_vendor
async def test_the_end_outlives_a_cut(stage: Stage, vendor: str) -> None:
    play(stage, vendor, chunked_head(), chunk(stream_of(vendor)), "close")
    answered = await stage.caller.call(INVOCATIONS, STREAM)
    assert answered.body.endswith(b"}\n\n" + DONE)
    assert answered.body.count(DONE) == 1


@each_vendor
async def test_a_stream_to_the_end_of_the_connection(stage: Stage, vendor: str) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    play(stage, vendor, head, stream_of(vendor), "close")
    answered = await stage.caller.call(INVOCATIONS, STREAM)
    assert answered.body.endswith(b"}\n\n" + DONE)


@each_vendor
@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: [1]\n\n", b"data: \xff\n\n"])
async def test_garbage_in_a_stream(stage: Stage, vendor: str, garbage: bytes) -> None:
    play(stage, vendor, chunked_head(), chunk(garbage), LAST_CHUNK)
    answered = await stage.caller.call(INVOCATIONS, STREAM)
    assert answered.error[:2] == (502, "INTERNAL_ERROR")  # nothing was sent yet
    assert vendor in answered.error[2]


@each_vendor
@pytest.mark.parametrize("body", [b"{]}", b"{\xff}", b"[]", b"", b"<html>"])
async def test_replies_that_are_no_object(stage: Stage, vendor: str, body: bytes) -> None:
    play(stage, vendor, whole(200, body))
    answered = await stage.caller.call(INVOCATIONS, HELLO)
    assert answered.error[:2] == (502, "INTERNAL_ERROR")


async def test_replies_that_are_too_deep(stage: Stage) -> None:
    play(stage, "anthropic", whole(200, DEEP))
    assert (await stage.caller.call(INVOCATIONS, HELLO)).error[:2] == (502, "INTERNAL_ERROR")


@each_vendor
async def test_errors_that_are_too_deep(stage: Stage, vendor: str) -> None:
    play(stage, vendor, whole(400, DEEP))
    answered = await stage.caller.call(INVOCATIONS, HELLO)
    assert answered.error[:2] == (400, "BAD_REQUEST")
    assert "tool_use" in answered.error[2]


async def test_schemas_that_are_too_deep(stage: Stage) -> None:
    raw = orjson.dumps(HELLO)[:-1] + b',"response_format":'
    raw += b'{"type":"json_schema","json_schema":{"schema":' + b'{"items":[' * 240
    raw += b"{}" + b"]}" * 240 + b"}}}"
    play(stage, "anthropic", whole(200, b"{}"))
    answered = await stage.caller.call(INVOCATIONS, raw)
    assert answered.error[:2] == (400, "BAD_REQUEST")
    assert "too deep" in answered.error[2]


async def test_credentials_stay_here_in_streams_too(stage: Stage) -> None:
    event = {"type": "error", "error": {"type": "api_error", "message": f"bad {SECRET}"}}
    data = b"event: error\ndata: " + orjson.dumps(event) + b"\n\n"
    play(stage, "anthropic", chunked_head(), chunk(data), LAST_CHUNK)
    answered = await stage.caller.call(INVOCATIONS, STREAM)
    assert SECRET.encode() not in answered.body
    assert "[REDACTED]" in last_event(answered.body)["message"]
