"""Bodies of requests."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadRequest, PayloadTooLarge
from lakeserve.gateway.intake import (
    CallerGone,
    Receive,
    custom_object,
    json_object,
    read_body,
    stream_body,
)

LIMIT = 20


def receiver(parts: Sequence[bytes | None]) -> Receive:
    """Hands out parts; None is a caller that leaves."""
    left = list(parts)

    async def receive() -> dict[str, Any]:
        part = left.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    return receive


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=6))
async def test_the_body_or_its_refusal(parts: list[bytes]) -> None:
    body = b"".join(parts)
    if len(body) > LIMIT:
        with pytest.raises(PayloadTooLarge, match="20 bytes"):
            await read_body({}, receiver(parts), LIMIT)
        with pytest.raises(PayloadTooLarge):
            _ = [part async for part in stream_body({}, receiver(parts), LIMIT)]
        return
    assert await read_body({}, receiver(parts), LIMIT) == body
    streamed = [part async for part in stream_body({}, receiver(parts), LIMIT)]
    assert streamed == [part for part in parts if part]


@pytest.mark.parametrize("length", [b"21", b"99999999999999999999999999"])
async def test_an_announced_length_is_enough(length: bytes) -> None:
    with pytest.raises(PayloadTooLarge):
        await read_body({b"content-length": length}, receiver([]), LIMIT)


async def test_a_message_without_a_body_is_an_empty_one() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    assert await read_body({}, receive, LIMIT) == b""


@pytest.mark.parametrize("parts", [[None], [b"x", None]])
async def test_a_caller_that_leaves(parts: list[bytes | None]) -> None:
    with pytest.raises(CallerGone):
        await read_body({}, receiver(parts), LIMIT)


def test_an_object() -> None:
    assert json_object(b' {"a": 1} ', {b"content-type": b"text/csv"}) == {"a": 1}


def test_the_body_of_a_custom_model() -> None:
    csv = {b"content-type": b"text/csv; charset=utf-8"}
    assert custom_object(b"a,b\n1,2\n", csv) == {"text/csv": "a,b\n1,2\n"}
    assert custom_object(b'{"inputs": [1]}', {}) == {"inputs": [1]}
    (number,) = custom_object(b'{"inputs": [NaN]}', {})["inputs"]
    assert number != number
    for body, headers in ((b"\xff", csv), (b"NaN", {}), (b"{NaN", {}), (b"[1]", {}), (b"x", {})):
        with pytest.raises(BadRequest):
            custom_object(body, headers)
