"""Answers in other words."""

import orjson
import pytest
from lakeserve.core.errors import BadUpstream, TooManyRequests
from lakeserve.gateway.dialects import Messages, ResponsesOverChat
from lakeserve.gateway.sse import DONE

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'


def test_responses() -> None:
    one = ResponsesOverChat({"input": "x"})
    assert one.part(CHUNK).startswith(b'data: {"type":"response.created"')
    end = one.end(DONE)
    assert end.endswith(DONE)
    assert b"response.completed" in end
    whole = ResponsesOverChat({}).whole(b'{"choices":[{"message":{"content":"x"}}]}')
    assert orjson.loads(whole)["object"] == "response"


def test_garbage_for_responses() -> None:
    with pytest.raises(BadUpstream):
        ResponsesOverChat({}).part(b"data: {\n\n")


def test_messages_pass_and_errors_have_a_name() -> None:
    one = Messages()
    assert (one.whole(b"{}"), one.part(CHUNK), one.end(b"")) == (b"{}", CHUNK, b"")
    event = one.error_event(TooManyRequests("slow"))
    name, data = event.strip().split(b"\n")
    assert name == b"event: error"
    assert orjson.loads(data[6:])["error"] == {"type": "request_limit_exceeded", "message": "slow"}
    assert b'"error_code":"INTERNAL_ERROR"' in ResponsesOverChat({}).error_event(BadUpstream("x"))
