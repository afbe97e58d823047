"""Which of Bedrock's methods answers what."""

from typing import Any

import orjson
import pytest
from lakeserve.core.errors import BadUpstream
from lakeserve.providers.base import Asked
from lakeserve.providers.bedrock import BedrockProvider
from providers.transcripts import a_target

BEDROCK = BedrockProvider()
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("model", "operation", "body", "path"),
    [
        ("anthropic.x-v1:0", "chat", HELLO, "/model/anthropic.x-v1%3A0/converse"),
        ("a/b", "chat", {**HELLO, "stream": True}, "/model/a%2Fb/converse-stream"),
        ("nova", "completions", {"prompt": "x"}, "/model/nova/converse"),
        ("ai21.j2-mid", "completions", {"prompt": "x"}, "/model/ai21.j2-mid/invoke"),
        (
            "amazon.titan-text-lite-v1",
            "completions",
            {"prompt": "x", "stream": True},
            "/model/amazon.titan-text-lite-v1/invoke-with-response-stream",
        ),
        ("embed", "embeddings", {"input": "x"}, "/model/embed/invoke"),
    ],
)
def test_paths(model: str, operation: Any, body: dict[str, Any], path: str) -> None:
    target = a_target("amazon-bedrock", model, {"bedrock_provider": "amazon"})
    request = BEDROCK.build(target, operation, body, None)
    assert (request.path, request.headers) == (path, ())


def test_a_model_that_fails_is_not_the_callers_fault() -> None:
    failed = BEDROCK.error(424, b'{"message":"x"}', {})
    assert isinstance(failed, BadUpstream)
    assert orjson.loads(failed.message)["external_model_provider"] == "amazon-bedrock"
    assert BEDROCK.error(400, b"{}", {}).status == 400


def test_streams_are_aws_own() -> None:
    asked = Asked(a_target("amazon-bedrock"), "chat", HELLO)
    framing = BEDROCK.framing(asked)
    assert framing is not None
    assert framing.feed(b"") == b""
