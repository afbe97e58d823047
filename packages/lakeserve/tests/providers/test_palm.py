"""PaLM."""

from typing import Any

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers.palm import PalmProvider, embed_request, message_request, text_request
from providers.transcripts import a_target

HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stream": True}, "'stream' is not supported"),
        ({"max_tokens": 3}, "'max_tokens' is not supported"),
        ({"tools": [{}]}, "'tools' is not supported"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "has no tools"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "'image_url' in user messages"),
    ],
)
def test_what_chats_cannot_do(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        message_request({**HELLO, **fields})


def test_what_the_others_cannot_do() -> None:
    with pytest.raises(BadRequest, match="'stream' is not supported"):
        text_request({"prompt": "x", "stream": True})
    assert text_request({"prompt": "x", "stream": False}) == {"prompt": {"text": "x"}}
    with pytest.raises(BadRequest, match="'dimensions'"):
        embed_request({"input": "x", "dimensions": 3})


def test_the_key_is_a_header() -> None:
    request = PalmProvider().build(a_target("palm", "a/b"), "chat", HELLO, None)
    assert request.path == "/v1beta3/models/a%2Fb:generateMessage"
    assert [name for name, _ in request.headers] == ["x-goog-api-key"]
