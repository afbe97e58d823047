"""The provider of Anthropic's models."""

from dataclasses import replace

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers.anthropic import AnthropicProvider
from providers.transcripts import SECRET, a_target

ANTHROPIC = AnthropicProvider()
TARGET = a_target("anthropic")
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


def test_headers() -> None:
    request = ANTHROPIC.build(TARGET, "chat", HELLO, None)
    assert request.headers == (("x-api-key", SECRET), ("anthropic-version", "2023-06-01"))
    options = {"anthropic_version": "2099-01-01"}
    bare = replace(TARGET, upstream_model="claude-2.1", credential=None, options=options)
    request = ANTHROPIC.build(bare, "completions", {"prompt": "x"}, None)
    assert request.headers == (("anthropic-version", "2099-01-01"),)
    assert request.path == "/complete"


def test_no_embeddings() -> None:
    with pytest.raises(BadRequest, match="has no embeddings"):
        ANTHROPIC.build(TARGET, "embeddings", {"input": "x"}, None)


def test_errors_of_any_form() -> None:
    error = ANTHROPIC.error(500, b"<html>", {})
    assert (error.status, error.error_code) == (502, "INTERNAL_ERROR")
