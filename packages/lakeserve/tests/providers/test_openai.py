"""The dialect of OpenAI-compatible servers."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from lakeserve.core.endpoints import Target
from lakeserve.providers.base import Asked
from lakeserve.providers.openai import OpenAIProvider

TARGET = Target("id", "e", "openai", "gpt-x", "GPT", 100, credential="sk-1")
OPENAI = OpenAIProvider()


def test_request() -> None:
    request = OPENAI.build(TARGET, "embeddings", {"model": "mine", "input": "x"}, None)
    assert request.path == "/embeddings"
    assert request.headers == (("authorization", "Bearer sk-1"),)
    assert orjson.loads(request.body) == {"model": "gpt-x", "input": "x"}


def test_no_credential_no_header() -> None:
    assert OPENAI.build(replace(TARGET, credential=None), "chat", {}, None).headers == ()


@pytest.mark.parametrize("given", [{}, {"include_usage": False}, {"other": 1}, None])
def test_streams_report_their_usage(given: dict[str, Any] | None) -> None:
    body = {"stream": True, "stream_options": given}
    sent = orjson.loads(OPENAI.build(TARGET, "chat", body, None).body)
    assert sent["stream_options"] == {**(given or {}), "include_usage": True}


@pytest.mark.parametrize("body", [{}, {"stream": False}])
def test_other_calls_have_no_stream_options(body: dict[str, Any]) -> None:
    assert "stream_options" not in orjson.loads(OPENAI.build(TARGET, "chat", body, None).body)


def test_error() -> None:
    error = OPENAI.error(429, b'{"error": {"message": "slow"}}', {"retry-after": "3"})
    assert (error.status, error.error_code, error.retry_after) == (429, "REQUEST_LIMIT_EXCEEDED", 3)
    assert orjson.loads(error.message) == {
        "external_model_provider": "openai",
        "external_model_error": {"error": {"message": "slow"}},
    }


def test_answers_pass() -> None:
    asked = Asked(TARGET, "chat", {})
    assert OPENAI.reply(asked, b"{}") == b"{}"
    assert OPENAI.events(asked) is None
