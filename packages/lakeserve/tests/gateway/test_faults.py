"""Upstreams that fail, at every point of an exchange."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway.stage import CHAT, EXTERNAL, HELLO, SECRET, STREAM, Stage, endpoint, open_stage, target
from gateway.strict_upstream import (
    LAST_CHUNK,
    Seen,
    Step,
    StrictUpstream,
    chunk,
    chunked_head,
    until,
    whole,
)
from lakeserve.core.endpoints import Address

EXTERNAL_STREAM = {**EXTERNAL, "stream": True}
EVENT = b"data: {}\n\n"


def error_of(body: bytes) -> dict[str, Any]:
    """The error that ends a stream."""
    events = body.split(b"\n\n")
    assert events[-1] == b""
    value: dict[str, Any] = orjson.loads(events[-2].removeprefix(b"data: "))
    assert value["error"]["message"] == value["message"]
    return value


def slowly(data: bytes) -> list[Step]:
    steps: list[Step] = [data, 0.02]
    return steps * 1000


async def settled(stage: Stage) -> None:
    """Nothing is left of the call."""
    await until(lambda: stage.vendor.open == stage.worker.open == 0)
    await until(lambda: stage.gateway.upstream_connections == 0)
    assert stage.gateway.in_flight == 0


@pytest.mark.parametrize("body", [EXTERNAL, EXTERNAL_STREAM])
@pytest.mark.parametrize(
    "steps",
    [
        ["close"],
        ["reset"],
        [b"HTTP/1.1 200 O", "close"],
        [b"HTTP/1.1 200 O", "reset"],
        [b"<html><body>hello</body></html>", "close"],
        [b"\x16\x03\x01\x02\x00", 1.0],
        [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 1.0],
        [b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"\r\n", 1.0],
        [b"HTTP/1.1 101 Up\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", 1.0],
        [whole(200, b"<html></html>", "text/html")],
        [whole(302, b"", "text/html", ("location", "http://elsewhere"))],
        [whole(500, b"boom")],
        [whole(599, b"")],
    ],
    ids=lambda steps: repr(steps)[:40] if isinstance(steps, list) else None,
)
async def test_before_the_answer(stage: Stage, steps: list[Step], body: dict[str, Any]) -> None:
    stage.vendor.script = lambda _: steps
    answer = await stage.caller.call(CHAT, body)
    assert answer.error[:2] == (502, "INTERNAL_ERROR")
    assert answer.finished
    assert len(stage.vendor.seen) == 1


@pytest.mark.parametrize(
    "steps",
    [
        [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "close"],
        [chunked_head("application/json"), chunk(b'{"a": '), "reset"],
        [chunked_head("application/json"), chunk(b"{}"), b"garbage\r\n"],
        [whole(200, b'{"choices": [')],
        [whole(200, b"", "application/json")],
        [whole(200, b"not json", "text/plain")],
    ],
)
async def test_in_the_middle_of_an_answer(stage: Stage, steps: list[Step]) -> None:
    stage.vendor.script = lambda _: steps
    answer = await stage.caller.call(CHAT, EXTERNAL)
    assert answer.error[:2] == (502, "INTERNAL_ERROR")


@pytest.mark.parametrize(
    "end", [["close"], ["reset"], [b"garbage\r\n"], [chunk(b'data: {"half": "'), "close"]]
)
async def test_in_the_middle_of_a_stream(stage: Stage, end: list[Step]) -> None:
    stage.vendor.script = lambda _: [chunked_head(), chunk(EVENT), 0.01, *end]
    answer = await stage.caller.call(CHAT, EXTERNAL_STREAM)
    assert answer.status == 200
    assert answer.body.startswith(EVENT + b'data: {"error"')
    assert error_of(answer.body)["error_code"] == "INTERNAL_ERROR"
    assert answer.finished
    await settled(stage)


async def test_an_unstreamed_answer_to_a_stream(stage: Stage) -> None:
    stage.vendor.script = lambda _: [whole(200, b'{"choices": []}')]
    answer = await stage.caller.call(CHAT, EXTERNAL_STREAM)
    assert answer.error[:2] == (502, "INTERNAL_ERROR")
    assert "application/json" in answer.error[2]


async def test_nobody_listens(stage: Stage) -> None:
    stage.vendor.stop_listening()
    answer = await stage.caller.call(CHAT, EXTERNAL)
    assert answer.error[:2] == (502, "INTERNAL_ERROR")
    assert "nothing listens" in answer.error[2]


async def test_unknown_host(stage: Stage) -> None:
    there = Address(host="nobody.invalid", port=80)
    stage.add(endpoint("far", "llm/v1/chat", target("far-1", there, provider="openai")))
    answer = await stage.caller.call("/serving-endpoints/far/invocations", HELLO)
    assert answer.error[:2] == (502, "INTERNAL_ERROR")


@pytest.mark.parametrize("body", [EXTERNAL, EXTERNAL_STREAM])
async def test_too_slow_to_begin(tmp_path: Path, body: dict[str, Any]) -> None:
    async with open_stage(tmp_path, timeout_s=0.15) as stage:
        stage.vendor.script = lambda _: [b"HTTP/1.1 200 OK\r\n", *slowly(b"x: y\r\n")]
        answer = await stage.caller.call(CHAT, body)
        assert answer.error[:2] == (504, "DEADLINE_EXCEEDED")
        await settled(stage)


async def test_too_slow_to_end(tmp_path: Path) -> None:
    async with open_stage(tmp_path, timeout_s=0.15) as stage:
        stage.vendor.script = lambda _: [chunked_head(), *slowly(chunk(EVENT))]
        answer = await stage.caller.call(CHAT, EXTERNAL_STREAM)
        assert error_of(answer.body)["error_code"] == "DEADLINE_EXCEEDED"
        await settled(stage)


async def test_a_timeout_shorter_than_the_watch(tmp_path: Path) -> None:
    async with open_stage(tmp_path, timeout_s=0.01) as stage:
        stage.vendor.script = lambda _: [1.0]
        answer = await stage.caller.call(CHAT, EXTERNAL)
        assert answer.error[:2] == (504, "DEADLINE_EXCEEDED")


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        (400, (400, "BAD_REQUEST")),
        (422, (400, "BAD_REQUEST")),
        (401, (403, "PERMISSION_DENIED")),
        (403, (403, "PERMISSION_DENIED")),
        (404, (404, "NOT_FOUND")),
        (408, (504, "DEADLINE_EXCEEDED")),
        (429, (429, "REQUEST_LIMIT_EXCEEDED")),
        (500, (502, "INTERNAL_ERROR")),
        (503, (503, "TEMPORARILY_UNAVAILABLE")),
        (529, (503, "TEMPORARILY_UNAVAILABLE")),
    ],
)
@pytest.mark.parametrize("body", [EXTERNAL, EXTERNAL_STREAM, HELLO, STREAM])
async def test_statuses(
    stage: Stage, status: int, seen: tuple[int, str], body: dict[str, Any]
) -> None:
    said = orjson.dumps({"error": {"message": "no: " + SECRET}})
    reply = whole(status, said, "application/json", ("retry-after", "9"))
    stage.vendor.script = stage.worker.script = lambda _: [reply]
    answer = await stage.caller.call(CHAT, body)
    assert answer.error[:2] == seen
    assert ("retry-after" in answer.headers) == (seen[0] in {429, 503})
    assert answer.headers.get("retry-after", "9") == "9"
    if body["model"] == "my-external":
        inner = orjson.loads(answer.error[2])
        assert inner["external_model_provider"] == "openai"
        assert inner["external_model_error"] == {"error": {"message": "no: [REDACTED]"}}
    else:
        assert answer.error[2] == "no: " + SECRET


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_a_kept_connection_that_went_stale(stage: Stage, body: dict[str, Any]) -> None:
    assert (await stage.caller.call(CHAT, HELLO)).status == 200

    def script(_: Seen) -> list[Step]:
        if stage.worker.opened == 1:
            return ["close"]
        return (
            [chunked_head(), chunk(EVENT), LAST_CHUNK] if "stream" in body else [whole(200, b"{}")]
        )

    stage.worker.script = script
    assert (await stage.caller.call(CHAT, body)).status == 200
    assert stage.worker.opened == 2
    assert stage.activator.asked == []


async def test_a_restarted_upstream_is_reached_again(stage: Stage) -> None:
    for _ in range(3):
        assert (await stage.caller.call(CHAT, EXTERNAL)).status == 200
        stage.vendor.drop_all()
    assert stage.vendor.opened == 3


async def test_a_worker_that_moved_is_found_by_the_activator(stage: Stage) -> None:
    moved = StrictUpstream()
    stage.activator.addresses["id-my-chat-1"] = await moved.listen_unix(str(stage.folder / "m"))
    stage.worker.stop_listening()
    assert (await stage.caller.call(CHAT, HELLO)).status == 200
    assert stage.activator.asked == ["id-my-chat-1"]
    assert len(moved.seen) == 1
    await stage.gateway.aclose(1)
    await moved.aclose()


async def test_a_worker_that_dies_on_the_question(stage: Stage) -> None:
    moved = StrictUpstream()
    stage.activator.addresses["id-my-chat-1"] = await moved.listen_unix(str(stage.folder / "m"))
    stage.worker.script = lambda _: ["reset"]
    assert (await stage.caller.call(CHAT, STREAM | {"stream": False})).status == 200
    assert (len(stage.worker.seen), len(moved.seen)) == (1, 1)
    await stage.gateway.aclose(1)
    await moved.aclose()


async def test_a_worker_that_stays_dead(stage: Stage) -> None:
    stage.worker.script = lambda _: ["close"]
    answer = await stage.caller.call(CHAT, HELLO)
    assert answer.error[:2] == (503, "TEMPORARILY_UNAVAILABLE")
    assert len(stage.worker.seen) == 2
    assert stage.activator.asked == ["id-my-chat-1"]


async def test_a_worker_that_has_begun_is_not_asked_again(stage: Stage) -> None:
    stage.worker.script = lambda _: [b"HTTP/1.1 200", "close"]
    answer = await stage.caller.call(CHAT, HELLO)
    assert answer.error[:2] == (502, "INTERNAL_ERROR")
    assert len(stage.worker.seen) == 1


async def test_surplus_bytes_meet_nobody(stage: Stage) -> None:
    first = whole(200, b'{"n": 1}')
    stage.vendor.script = lambda _: [first + whole(200, b'{"n": "smuggled"}')]
    assert (await stage.caller.call(CHAT, EXTERNAL)).json() == {"n": 1}
    stage.vendor.script = lambda _: [first, whole(200, b'{"n": "late"}')]
    assert (await stage.caller.call(CHAT, EXTERNAL)).json() == {"n": 1}
    await asyncio.sleep(0.02)
    stage.vendor.script = lambda _: [whole(200, b'{"n": 2}')]
    assert (await stage.caller.call(CHAT, EXTERNAL)).json() == {"n": 2}
    assert stage.vendor.opened == 3


async def test_a_reply_without_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakeserve.gateway.attempts.MAX_REPLY_BYTES", 1000)
    stage.vendor.script = lambda _: [chunked_head("application/json"), *[chunk(b"x" * 100)] * 50]
    answer = await stage.caller.call(CHAT, EXTERNAL)
    assert answer.error[:2] == (502, "INTERNAL_ERROR")
    assert "longer than 1000 bytes" in answer.error[2]
    stage.vendor.script = lambda _: [chunked_head(status=400), *[chunk(b"x" * 100)] * 50]
    answer = await stage.caller.call(CHAT, EXTERNAL_STREAM)
    assert answer.error[:2] == (502, "INTERNAL_ERROR")


async def test_an_upstream_that_closes_each_time(stage: Stage) -> None:
    raw = whole(200, b"{}", "application/json", ("connection", "close"))
    stage.vendor.script = lambda _: [raw, "close"]
    for _ in range(3):
        assert (await stage.caller.call(CHAT, EXTERNAL)).status == 200
    assert stage.vendor.opened == 3
    await settled(stage)
