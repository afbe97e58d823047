"""The provider of Gemini on Vertex AI."""

from dataclasses import replace

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers.gemini import GeminiProvider
from lakeserve.providers.table import PROVIDERS
from providers.transcripts import SECRET, a_target

GEMINI = GeminiProvider()
TARGET = a_target("google-cloud-vertex-ai", "gemini/x")
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


def test_requests() -> None:
    request = GEMINI.build(TARGET, "chat", HELLO, None)
    assert request.path == "/publishers/google/models/gemini%2Fx:generateContent"
    assert request.headers == (("authorization", f"Bearer {SECRET}"),)
    bare = replace(TARGET, credential=None)
    request = GEMINI.build(bare, "chat", {**HELLO, "stream": True}, None)
    assert request.path.endswith(":streamGenerateContent?alt=sse")
    assert request.headers == ()


def test_chat_only() -> None:
    with pytest.raises(BadRequest, match="no embeddings yet"):
        GEMINI.build(TARGET, "embeddings", {"input": "x"}, None)


def test_it_is_not_offered_without_tokens() -> None:
    assert GEMINI.name not in PROVIDERS
    assert GEMINI.error(403, b"{}", {}).status == 403
