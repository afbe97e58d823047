"""Embeddings of Vertex AI."""

from typing import Any

import orjson
import pytest
from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.providers.base import Asked
from lakeserve.providers.vertex_embed import embeddings, most_texts, predict_request
from providers.transcripts import a_target


def asked(**body: Any) -> Asked:
    return Asked(a_target("google-cloud-vertex-ai"), "embeddings", body)


def test_refused() -> None:
    with pytest.raises(BadRequest, match="'user'"):
        predict_request({"input": "a", "user": "u"})
    with pytest.raises(BadRequest, match="'input'"):
        predict_request({"input": [1]})


def test_how_many_texts_a_request_may_hold() -> None:
    assert (most_texts("text-embedding-005"), most_texts("gemini-embedding-001")) == (250, 1)


def test_fields_of_the_vendor_go_where_they_belong() -> None:
    body = {"input": ["a", "b"], "title": "t", "labels": {"x": "y"}, "dimensions": None}
    assert predict_request(body) == {
        "instances": [{"content": "a", "title": "t"}, {"content": "b", "title": "t"}],
        "labels": {"x": "y"},
    }


def test_tokens_are_estimated_unless_all_are_counted() -> None:
    each = {"values": [1.0]}
    counted = {"values": [1.0], "statistics": {"token_count": 5}}
    reply = orjson.dumps({"predictions": [{"embeddings": counted}, {"embeddings": each}]})
    value = orjson.loads(embeddings(asked(input=["abcdefg", "abc"]), reply))
    assert value["usage"]["total_tokens"] == 3


@pytest.mark.parametrize(
    "reply", [b"{}", b'{"predictions":[{}]}', b'{"predictions":[{"embeddings":[]}]}']
)
def test_what_is_no_embedding(reply: bytes) -> None:
    with pytest.raises(BadUpstream, match="embedding"):
        embeddings(asked(input="a"), reply)
