"""Streams of Anthropic; the transcripts hold whole ones."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import WireError
from lakeserve.providers.anthropic_stream import MessageReader, stream_error
from lakeserve.providers.base import Asked
from providers.transcripts import a_target

ASKED = Asked(a_target("anthropic"), "chat", {})


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("invalid_request_error", 400),
        ("authentication_error", 403),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 400),
        ("rate_limit_error", 429),
        ("api_error", 502),
        ("timeout_error", 504),
        ("overloaded_error", 503),
        ("something new", 502),
    ],
)
def test_errors(kind: str, status: int) -> None:
    error = stream_error({"type": "error", "error": {"type": kind, "message": "m"}})
    assert error.status == status
    assert orjson.loads(error.message)["external_model_error"]["error"]["type"] == kind


def test_unknown_events_are_passed_over() -> None:
    reader = MessageReader(ASKED)
    for event in ({"type": "ping"}, {"type": "new"}, {}, {"type": "content_block_stop"}):
        assert reader.read(event) == b""
    assert reader.read({"type": "content_block_delta", "delta": {"type": "citations_delta"}}) == b""
    assert not reader.done


def test_blocks_that_begin_with_something() -> None:
    reader = MessageReader(ASKED)
    for block, wanted in (
        ({"type": "text", "text": "a"}, b'"content":"a"'),
        ({"type": "thinking", "thinking": "b"}, b'"text":"b"'),
        ({"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}, b'{\\"a\\":1}'),
    ):
        assert wanted in reader.read({"type": "content_block_start", "content_block": block})
    assert reader.read({"type": "content_block_stop"}) == b""


loose: st.SearchStrategy[Any] = st.none() | st.integers(0, 9) | st.text(max_size=3) | st.just({})
KINDS = ["message_start", "content_block_start", "content_block_delta", "message_delta", "error"]


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(["message", "content_block", "delta", "usage"]), loose),
)
def test_odd_events_never_break_the_reader(kind: str, fields: dict[str, Any]) -> None:
    try:
        MessageReader(ASKED).read({**fields, "type": kind})
    except WireError:
        assert kind == "error"
