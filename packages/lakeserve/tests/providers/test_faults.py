"""What callers get when a vendor with a protocol of its own fails, through the real gateway."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from gateway.stage import Stage, endpoint, open_stage
from gateway.strict_upstream import LAST_CHUNK, Step, chunk, chunked_head, whole
from lakeserve.core.endpoints import Task
from lakeserve.gateway.sse import DONE
from lakeserve.providers.aws_events import MEDIA_TYPE
from lakeserve.providers.table import PROVIDERS
from providers.transcripts import ROOT, SECRET, a_target, read

INVOCATIONS = "/serving-endpoints/vendors/invocations"
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
STREAM = {**HELLO, "stream": True}
DEEP = b'{"content":[{"type":"tool_use","input":' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"}]}"

each_vendor = pytest.mark.parametrize(
    "vendor", ["amazon-bedrock", "anthropic", "cohere", "google-cloud-vertex-ai"]
)

# What the translations need to know beside the address.
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "amazon-bedrock": {"bedrock_provider": "anthropic"},
    "azure": {"deployment": "d", "api_version": "v"},
    "custom": {"path": "/x"},
}
EXTERNAL = sorted(set(PROVIDERS) - {"local", "mlflow"})
STATUSES = {
    400: (400, "BAD_REQUEST"),
    401: (403, "PERMISSION_DENIED"),
    403: (403, "PERMISSION_DENIED"),
    404: (404, "NOT_FOUND"),
    408: (504, "DEADLINE_EXCEEDED"),
    422: (400, "BAD_REQUEST"),
    429: (429, "REQUEST_LIMIT_EXCEEDED"),
    500: (502, "INTERNAL_ERROR"),
    503: (503, "TEMPORARILY_UNAVAILABLE"),
    529: (503, "TEMPORARILY_UNAVAILABLE"),
}


@pytest.fixture
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("gw")) as opened:
        yield opened


def play(stage: Stage, vendor: str, *steps: Step) -> None:
    """Let the vendor answer with these steps."""
    address = stage.directory.now.endpoints["my-external"].targets[0].address
    assert address is not None
    there = replace(address, base_path="")
    entity = replace(a_target(vendor, "m", OPTIONS.get(vendor)), address=there)
    task: Task = "llm/v1/completions" if vendor == "ai21labs" else "llm/v1/chat"
    stage.add(endpoint("vendors", task, entity))
    stage.vendor.script = lambda _: steps


def stream_of(vendor: str) -> bytes:
    return read(ROOT / vendor / "chat-stream").answer


def head_of(vendor: str) -> bytes:
    is_aws = vendor == "amazon-bedrock"
    return chunked_head(MEDIA_TYPE if is_aws else "text/event-stream")


def last_event(body: bytes) -> dict[str, Any]:
    assert DONE not in body
    value: dict[str, Any] = orjson.loads(body.strip().rpartition(b"data: ")[2])
    return value


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("vendor", EXTERNAL)
async def test_refusals(stage: Stage, vendor: str, status: int) -> None:
    told = b'{"error":"as the vendor has it"}'
    play(stage, vendor, whole(status, told, "application/json", ("retry-after", "7")))
    asked = {"prompt": "x"} if vendor == "ai21labs" else HELLO
    answered = await stage.caller.call(INVOCATIONS, asked)
    assert answered.error[:2] == STATUSES[status]
    assert orjson.loads(answered.error[2]) == {
        "external_model_provider": "openai" if vendor == "azure" else vendor,
        "external_model_error": {"error": "as the vendor has it"},
    }
    if status in {429, 503, 529}:
        assert answered.headers["retry-after"] == "7"


@pytest.mark.parametrize("steps", [["close"], ["reset"], [b"HTTP/1.1 200 OK\r\ncont", "close"]])
@pytest.mark.parametrize("vendor", EXTERNAL)
async def test_answers_that_never_come(stage: Stage, vendor: str, steps: list[Step]) -> None:
    play(stage, vendor, *steps)
    asked = {"prompt": "x"} if vendor == "ai21labs" else HELLO
    answered = await stage.caller.call(INVOCATIONS, asked)
    assert answered.error[:2] == (502, "INTERNAL_ERROR")


@each_vendor
@pytest.mark.parametrize("ends", [[LAST_CHUNK], ["close"], ["reset"]])
async def test_a_stream_that_is_cut(stage: Stage, vendor: str, ends: Sequence[Step]) -> None:
    answer = stream_of(vendor)
    play(stage, vendor, head_of(vendor), chunk(answer[: len(answer) // 2]), *ends)
    answered = await stage.caller.call(INVOCATIONS, STREAM)
    assert last_event(answered.body)["error_code"] == "INTERNAL_ERROR"
    assert b'"role":"assistant"' in answered.body


@each_vendor
async def test_the_end_outlives_a_cut(stage: Stage, vendor: str) -> None:
    play(stage, vendor, head_of(vendor), chunk(stream_of(vendor)), "close")
    answered = await stage.caller.call(INVOCATIONS, STREAM)
    assert answered.body.endswith(b"}\n\n" + DONE)
    assert answered.body.count(DONE) == 1


@each_vendor
async def test_a_stream_to_the_end_of_the_connection(stage: Stage, vendor: str) -> None:
    head = head_of(vendor).replace(b"transfer-encoding: chunked\r\n", b"")
    play(stage, vendor, head, stream_of(vendor), "close")
    answered = await stage.caller.call(INVOCATIONS, STREAM)
    assert answered.body.endswith(b"}\n\n" + DONE)


@each_vendor
@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: [1]\n\n", b"data: \xff\n\n"])
async def test_garbage_in_a_stream(stage: Stage, vendor: str, garbage: bytes) -> None:
    play(stage, vendor, head_of(vendor), chunk(garbage * 9), LAST_CHUNK)
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
