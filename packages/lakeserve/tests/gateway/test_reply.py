"""Answers and errors, in the way that is still open."""

from collections.abc import MutableMapping
from typing import Any

import orjson
import pytest
from lakeserve.core.errors import (
    BadRequest,
    MethodNotAllowed,
    TooManyRequests,
    Unavailable,
    WireError,
)
from lakeserve.gateway.reply import AsgiReply


class Sent:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.messages: list[MutableMapping[str, Any]] = []

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.messages.append(message)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (BadRequest("x"), {}),
        (TooManyRequests("x", retry_after=7), {b"retry-after": b"7"}),
        (Unavailable("x"), {b"retry-after": b"1"}),
        (MethodNotAllowed("x", allow="POST"), {b"allow": b"POST"}),
    ],
)
async def test_an_error_first(error: WireError, headers: dict[bytes, bytes]) -> None:
    sent = Sent()
    await AsgiReply(sent, "id-1").fail(error)
    start, body = sent.messages
    assert start["status"] == error.status
    assert orjson.loads(body["body"]) == {"error_code": error.error_code, "message": "x"}
    assert body["more_body"] is False
    others = {b"content-type", b"content-length", b"x-request-id", b"x-databricks-request-id"}
    assert {name: value for name, value in sent.headers.items() if name not in others} == headers
    assert sent.headers[b"x-request-id"] == b"id-1"


async def test_an_error_in_a_stream() -> None:
    sent = Sent()
    reply = AsgiReply(sent, "id-1")
    await reply.start_events(())
    await reply.part(b"data: 1\n\n")
    await reply.fail(BadRequest("x"))
    assert b'"error_code":"BAD_REQUEST"' in sent.messages[-1]["body"]
    assert sent.messages[-1]["more_body"] is False


async def test_an_error_after_the_end_says_nothing() -> None:
    for kind in ("whole", "events"):
        sent = Sent()
        reply = AsgiReply(sent, "id-1")
        if kind == "whole":
            await reply.whole(200, b"{}", ())
        else:
            await reply.start_events(())
            await reply.end()
        count = len(sent.messages)
        await reply.fail(BadRequest("x"))
        assert len(sent.messages) == count


async def test_an_error_in_another_answer_leaves_it_unfinished() -> None:
    sent = Sent()
    reply = AsgiReply(sent, "id-1")
    await reply.start(200, [(b"content-type", b"text/plain")])
    await reply.fail(BadRequest("x"))
    assert len(sent.messages) == 1
