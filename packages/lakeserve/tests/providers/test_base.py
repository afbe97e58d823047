"""What providers share: statuses, bodies that keep their bytes."""

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadRequest
from lakeserve.providers.base import (
    SPLICE_FROM_BYTES,
    encode,
    error_value,
    retry_after_s,
    upstream_error,
    with_fields,
)

LONG = "x" * SPLICE_FROM_BYTES
MODEL = {"model": "new"}


@pytest.mark.parametrize(
    "raw",
    [
        '{"model": "old", "x": 1, "pad": "%s"}',
        '{"x": 1, "model":"old","pad": "%s"}',
        '{"x": 1, "model" :\n"old" , "pad": "%s"}',
        '  {"x": 1, "pad": "%s"}  ',
        '{"model": null, "pad": "%s"}',
        '{"model": "o\\"ld", "pad": "%s"}',
        '{"model": "a", "model": "b", "pad": "%s"}',
        '{"model": "old", "tools": [{"model": "mine"}], "pad": "%s"}',
        '{"\\u006dodel": "old", "tools": [{"model": "mine"}], "pad": "%s"}',
        '{"model": "old", "text": "\\"model\\": \\"mine\\"", "pad": "%s"}',
        '{"text": "\\"model\\":\\"mine\\"", "pad": "%s"}',
        '{"model": "old", "stream_options": {"a": 1}, "pad": "%s"}',
        '{"model": "ü", "pad": "%s"}',
    ],
)
@pytest.mark.parametrize("pad", ["x", LONG, LONG + '\\"model\\"'])
@pytest.mark.parametrize("fields", [MODEL, {**MODEL, "stream_options": {"include_usage": True}}])
def test_fields_are_set_and_nothing_else(raw: str, pad: str, fields: dict[str, Any]) -> None:
    text = (raw % pad).encode()
    body = orjson.loads(text)
    assert orjson.loads(with_fields(body, text, fields)) == {**body, **fields}
    assert orjson.loads(with_fields(body, None, fields)) == {**body, **fields}


def test_long_bodies_keep_their_bytes() -> None:
    raw = b'{"messages":  "%b", "model": "old" }' % LONG.encode()
    wanted = b'{"messages":  "%b", "model":"new" }' % LONG.encode()
    assert with_fields(orjson.loads(raw), raw, MODEL) == wanted


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["model", "a", '"model"']) | st.text(), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["model", "x", "pad"]), json_values), st.text())
def test_any_body(body: dict[str, Any], model: str) -> None:
    body = {**body, "long": LONG}
    raw = orjson.dumps(body)
    assert orjson.loads(with_fields(body, raw, {"model": model})) == {**body, "model": model}


def test_depth() -> None:
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(BadRequest):
        encode({"a": deep})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("7", 7), (" 7 ", 7), ("soon", None), ("-1", None), ("1.5", None)],
)
def test_retry_after(value: str | None, seconds: int | None) -> None:
    assert retry_after_s(value) == seconds


def test_retry_after_a_date() -> None:
    moment = datetime.now(timezone.utc) + timedelta(seconds=30)
    seconds = retry_after_s(format_datetime(moment, usegmt=True))
    assert seconds is not None
    assert 28 <= seconds <= 30
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize("status", [402, 405, 409, 413, 415, 451])
def test_other_refusals_are_the_callers(status: int) -> None:
    assert (upstream_error(status, "no", {}).status, upstream_error(503, "", {}).retry_after) == (
        400,
        None,
    )


def test_error_bodies_that_are_no_json() -> None:
    assert error_value(b"<h1>\xff") == {"message": "<h1>\ufffd"}
    assert error_value(b'{"a": 1}') == {"a": 1}
