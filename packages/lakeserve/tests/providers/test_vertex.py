"""Which of Vertex AI's interfaces answers what."""

from typing import Any

import orjson
import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers.vertex import VertexProvider, family
from providers.transcripts import a_target

VERTEX = VertexProvider()
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("gemini-3-pro", "gemini"),
        ("claude-opus-4-6@1", "claude"),
        ("meta/llama-4", "partner"),
        ("text-bison", "gemini"),
    ],
)
def test_families(model: str, kind: str) -> None:
    assert family(model) == kind


@pytest.mark.parametrize(
    ("model", "operation", "body", "path"),
    [
        ("gemini-x", "chat", HELLO, "/publishers/google/models/gemini-x:generateContent"),
        (
            "claude@1",
            "chat",
            {**HELLO, "stream": True},
            "/publishers/anthropic/models/claude@1:streamRawPredict",
        ),
        ("a/b", "completions", {"prompt": "x"}, "/endpoints/openapi/chat/completions"),
        ("e/f", "embeddings", {"input": "x"}, "/publishers/google/models/e%2Ff:predict"),
    ],
)
def test_paths(model: str, operation: Any, body: dict[str, Any], path: str) -> None:
    request = VERTEX.build(a_target(VERTEX.name, model), operation, body, None)
    assert (request.path, request.headers) == (path, ())


def test_claude_is_asked_without_its_name() -> None:
    request = VERTEX.build(a_target(VERTEX.name, "claude@1"), "chat", HELLO, None)
    body = orjson.loads(request.body)
    assert "model" not in body
    assert body["anthropic_version"] == "vertex-2023-10-16"


def test_refusals_are_those_of_the_model() -> None:
    for model in ("gemini-x", "claude@1"):
        with pytest.raises(BadRequest, match="'logit_bias' is not supported"):
            VERTEX.build(a_target(VERTEX.name, model), "chat", {**HELLO, "logit_bias": [1]}, None)
    assert VERTEX.error(403, b"{}", {}).status == 403
