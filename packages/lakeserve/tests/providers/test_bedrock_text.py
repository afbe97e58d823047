"""Completions of the older models on Bedrock."""

import orjson
import pytest
from lakeserve.core.errors import BadRequest, WireError
from lakeserve.providers.base import Asked
from lakeserve.providers.bedrock_text import (
    REFUSED,
    TextEvents,
    finish_reason,
    schema_of,
    text_completion,
    text_request,
)
from providers.transcripts import a_target

TITAN = schema_of("amazon.titan-text-express-v1")
JURASSIC = schema_of("ai21.j2-ultra-v1")
ASKED = Asked(a_target("amazon-bedrock"), "completions", {"prompt": "abcdefg"})


def test_models() -> None:
    assert schema_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0") is None
    assert schema_of("anthropic.claude-instant-v1") is not None
    assert schema_of("arn:aws:bedrock:us-east-1::foundation-model/cohere.command-text-v14")


@pytest.mark.parametrize("name", REFUSED)
def test_what_they_cannot_do_is_named(name: str) -> None:
    assert TITAN is not None
    with pytest.raises(BadRequest, match=f"'{name}' is not supported"):
        text_request(TITAN, {"prompt": "x", name: 3})


def test_refused() -> None:
    assert TITAN is not None
    assert JURASSIC is not None
    with pytest.raises(BadRequest, match="'top_k' is not supported by this model"):
        text_request(TITAN, {"prompt": "x", "top_k": 3})
    with pytest.raises(BadRequest, match="has no streams"):
        text_request(JURASSIC, {"prompt": "x", "stream": True})
    with pytest.raises(BadRequest, match="'n' must be 1"):
        text_request(TITAN, {"prompt": "x", "n": 2})


def test_usage_is_estimated_where_nobody_counts() -> None:
    assert JURASSIC is not None
    reply = {"completions": [{"data": {"text": "1234567"}, "finishReason": {"reason": "stop"}}]}
    value = orjson.loads(text_completion(JURASSIC, ASKED, orjson.dumps(reply)))
    assert value["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


def test_events() -> None:
    assert TITAN is not None
    reader = TextEvents(TITAN, ASKED)
    assert reader.read({"somethingNew": {}}) == b""
    with pytest.raises(WireError) as caught:
        reader.read({"modelTimeoutException": {"message": "slow"}})
    assert caught.value.status == 504
    assert [finish_reason(each) for each in ("LENGTH", "CONTENT_FILTERED", None)] == [
        "length",
        "content_filter",
        "stop",
    ]
