"""The gateway's front: who may call what, and what it answers for the rest."""

import asyncio
import logging
from typing import Any

import pytest
from gateway.stage import CHAT, HELLO, MAX_REQUEST_BYTES, STREAM, Stage
from gateway.strict_upstream import until, whole
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.plan import MISSING_ENDPOINT

INVOCATIONS = "/serving-endpoints/my-chat/invocations"


def test_handles() -> None:
    assert Gateway.handles(CHAT)
    assert Gateway.handles("/driver-proxy-api/o/0/c/7777")
    assert not Gateway.handles("/api/2.0/serving-endpoints")


@pytest.mark.parametrize(
    "path",
    [CHAT, "/serving-endpoints/nothing/invocations", "/serving-endpoints/what", "/ai-gateway/x"],
)
@pytest.mark.parametrize("authorization", [None, "Bearer", "Digest x", "Basic !!!"])
async def test_nothing_is_told_to_strangers(
    stage: Stage, path: str, authorization: str | None
) -> None:
    answer = await stage.caller.call(path, HELLO, authorization=authorization)
    assert answer.error[:2] == (401, "UNAUTHENTICATED")
    assert stage.worker.seen == []


async def test_what_concerns_no_endpoint_is_counted_once(stage: Stage) -> None:
    await stage.caller.call(CHAT, HELLO, authorization=None)
    await stage.caller.call("/serving-endpoints/what", HELLO)
    await stage.caller.call(INVOCATIONS, method="GET")
    await stage.caller.call("/serving-endpoints/nobody/invocations", HELLO)
    await stage.caller.call(CHAT, {**HELLO, "model": "nobody"})
    await stage.caller.call(CHAT, {**HELLO, "temperature": "hot"})
    await stage.caller.call(CHAT, HELLO)
    assert stage.ledger.strays == [401, 404, 405, 404, 404]


async def test_wrong_token(stage: Stage) -> None:
    answer = await stage.caller.call(CHAT, HELLO, authorization="Bearer dapi-wrong")
    assert answer.error == (403, "PERMISSION_DENIED", "Invalid access token.")


async def test_unknown_endpoint(stage: Stage) -> None:
    wanted = (404, "RESOURCE_DOES_NOT_EXIST", MISSING_ENDPOINT)
    by_path = await stage.caller.call("/serving-endpoints/nobody/invocations", HELLO)
    by_model = await stage.caller.call(CHAT, {**HELLO, "model": "nobody"})
    assert by_path.error == by_model.error == wanted


@pytest.mark.parametrize("model", [{}, {"model": 3}, {"model": None}])
async def test_no_model(stage: Stage, model: dict[str, Any]) -> None:
    answer = await stage.caller.call(CHAT, {"messages": HELLO["messages"], **model})
    assert answer.error[:2] == (400, "BAD_REQUEST")
    assert "'model'" in answer.error[2]


async def test_wrong_method(stage: Stage) -> None:
    answer = await stage.caller.call(INVOCATIONS, method="GET")
    assert answer.error[:2] == (405, "BAD_REQUEST")
    assert "GET" in answer.error[2]
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("raw", "kind", "text"),
    [
        (b'{"messages": [', "application/json", "application/json"),
        (b"a,b\n1,2\n", "text/csv", "text/csv"),
        (b"\x1f\x8b\x08", "application/json", "not valid JSON"),
        (b"", "application/json", "not valid JSON"),
        (b"[1]", "application/json", "a list"),
        (b"null", "application/json", "null"),
        (b"1", "application/json", "a number"),
        (b'{"a": "\\ud800"}', "application/json", "not valid JSON"),
        (b'{"a": ' * 300 + b"1" + b"}" * 300, "application/json", "'messages'"),
    ],
)
async def test_malformed_bodies(stage: Stage, raw: bytes, kind: str, text: str) -> None:
    answer = await stage.caller.call(INVOCATIONS, raw, headers={"content-type": kind})
    assert answer.error[:2] == (400, "BAD_REQUEST")
    assert text in answer.error[2]


async def test_a_compressed_body_is_named(stage: Stage) -> None:
    answer = await stage.caller.call(INVOCATIONS, b"\x1f", headers={"content-encoding": "gzip"})
    assert "'gzip'" in answer.error[2]


async def test_a_body_nested_too_deep(stage: Stage) -> None:
    deep = b'{"messages": [{}], "x": ' + b"[" * 300 + b"]" * 300 + b"}"
    answer = await stage.caller.call(INVOCATIONS, deep)
    assert answer.error[:2] == (400, "BAD_REQUEST")


@pytest.mark.parametrize("kind", ["text/json", "application/x-www-form-urlencoded", "text/csv"])
async def test_json_under_any_name(stage: Stage, kind: str) -> None:
    answer = await stage.caller.call(INVOCATIONS, HELLO, headers={"content-type": kind})
    assert answer.status == 200


async def test_oversized_by_its_length(stage: Stage) -> None:
    length = str(MAX_REQUEST_BYTES + 1)
    answer = await stage.caller.call(INVOCATIONS, b"", headers={"content-length": length})
    text = f"Request size cannot exceed {MAX_REQUEST_BYTES} bytes."
    assert answer.error == (413, "BAD_REQUEST", text)


async def test_oversized_in_chunks(stage: Stage) -> None:
    parts = [b" " * 1000] * (MAX_REQUEST_BYTES // 1000) + [b" "]
    answer = await stage.caller.call(INVOCATIONS, parts=parts)
    assert answer.error[:2] == (413, "BAD_REQUEST")


async def test_chunks_within_the_limit(stage: Stage) -> None:
    answer = await stage.caller.call(
        INVOCATIONS, parts=[b'{"messages"', b': [{"ro', b'le":"user"}]}']
    )
    assert answer.status == 200
    assert stage.worker.seen[0].json() == {"model": "demo", "messages": [{"role": "user"}]}


async def test_a_caller_that_leaves_while_it_sends(stage: Stage) -> None:
    call = stage.caller.start(INVOCATIONS, parts=[b'{"mess', b'ages"'])
    call.leave()
    assert (await call.done()).status == 0
    assert stage.gateway.in_flight == 0


async def test_a_fault_of_our_own(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Snapshot:
        raise RuntimeError("a secret detail")

    stage.directory.snapshot = broken  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR):
        answer = await stage.caller.call(CHAT, HELLO)
    assert answer.error[:2] == (500, "INTERNAL_ERROR")
    assert answer.headers["x-request-id"] in answer.error[2]
    assert "secret" not in answer.error[2]
    assert "a secret detail" in caplog.text


async def test_closing_lets_calls_end(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.worker.script = lambda _: [gate, whole(200, b'{"late": 1}')]
    call = stage.caller.start(CHAT, HELLO)
    await until(lambda: stage.worker.seen)
    closing = asyncio.ensure_future(stage.gateway.aclose(5))
    await asyncio.sleep(0.01)
    refused = await stage.caller.call(CHAT, HELLO)
    assert refused.error[:2] == (503, "TEMPORARILY_UNAVAILABLE")
    assert refused.headers["retry-after"] == "1"
    assert stage.gateway.in_flight == 1
    gate.set()
    assert (await call.done()).json() == {"late": 1}
    await closing
    await asyncio.sleep(0.01)
    assert stage.gateway.upstream_connections == 0


async def test_closing_ends_what_does_not(stage: Stage) -> None:
    stage.worker.script = lambda _: [asyncio.Event()]
    calls = [stage.caller.start(CHAT, HELLO), stage.caller.start(CHAT, STREAM)]
    await until(lambda: len(stage.worker.seen) == 2)
    await stage.gateway.aclose(0.05)
    for call in calls:
        assert (await call.done()).error[:2] == (503, "TEMPORARILY_UNAVAILABLE")
    await asyncio.sleep(0.01)
    assert stage.worker.open == 0
