"""The provider of Cohere's models."""

from dataclasses import replace

import pytest
from lakeserve.providers.base import Operation
from lakeserve.providers.cohere import CohereProvider
from providers.transcripts import SECRET, a_target

COHERE = CohereProvider()
TARGET = a_target("cohere")
HELLO = {"messages": [{"role": "user", "content": "x"}], "prompt": "x", "input": "x"}


@pytest.mark.parametrize(
    ("operation", "path"),
    [("chat", "/v2/chat"), ("completions", "/v2/chat"), ("embeddings", "/v2/embed")],
)
def test_paths(operation: Operation, path: str) -> None:
    request = COHERE.build(TARGET, operation, HELLO, None)
    assert request.path == path
    assert request.headers == (("authorization", f"Bearer {SECRET}"),)
    assert COHERE.build(replace(TARGET, credential=None), operation, HELLO, None).headers == ()


def test_errors() -> None:
    assert COHERE.error(498, b'{"message": "blocked"}', {}).status == 400
