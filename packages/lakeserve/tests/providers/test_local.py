"""The dialect of our own workers."""

import orjson
import pytest
from lakeserve.core.endpoints import Target
from lakeserve.providers.base import Asked, Operation
from lakeserve.providers.local import LocalProvider

TARGET = Target("id", "e", "local", "demo", "Demo", 100)
LOCAL = LocalProvider()


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("chat", "/v1/chat/completions"),
        ("completions", "/v1/completions"),
        ("embeddings", "/v1/embeddings"),
    ],
)
def test_request(operation: Operation, path: str) -> None:
    request = LOCAL.build(TARGET, operation, {"stream": True, "x": 1}, None)
    assert (request.path, request.headers) == (path, ())
    assert orjson.loads(request.body) == {"stream": True, "x": 1, "model": "demo"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "too long"}}', "too long"),
        (b'{"error": "too long"}', "too long"),
        (b'{"message": "too long"}', "too long"),
        (b"too long", "too long"),
        (b"{}", "The model's worker answered with status 400."),
        (b"[]", "The model's worker answered with status 400."),
        (b'{"error": {"message": ""}}', "The model's worker answered with status 400."),
    ],
)
def test_errors_say_what_the_worker_said(body: bytes, message: str) -> None:
    error = LOCAL.error(400, body, {})
    assert error.body() == {"error_code": "BAD_REQUEST", "message": message}


def test_answers_pass() -> None:
    asked = Asked(TARGET, "chat", {})
    assert LOCAL.reply(asked, b"{}") == b"{}"
    assert LOCAL.events(asked) is None
