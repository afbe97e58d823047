"""Tests of what comes from the caller of a worker."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from lakeserve.workers.serve.intake import BodyTooLarge, CallerGone, disconnected, read_body

Message = MutableMapping[str, Any]
GONE: Message = {"type": "http.disconnect"}


def part(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def saying(*messages: Message) -> Callable[[], Awaitable[Message]]:
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0)

    return receive


async def test_a_body_in_parts() -> None:
    assert await read_body(saying(part(b"ab"))) == b"ab"
    assert await read_body(saying(part(b"a", more=True), part(b"", more=True), part(b"b"))) == b"ab"


async def test_a_body_up_to_its_limit() -> None:
    assert await read_body(saying(part(b"abc", more=True), part(b"d")), 4) == b"abcd"
    with pytest.raises(BodyTooLarge, match="exceeds 4 bytes"):
        await read_body(saying(part(b"abc", more=True), part(b"de")), 4)


async def test_a_caller_who_leaves() -> None:
    with pytest.raises(CallerGone):
        await read_body(saying(part(b"a", more=True), GONE))
    await disconnected(saying(part(b""), GONE))
