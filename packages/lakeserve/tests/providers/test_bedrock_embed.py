"""Embeddings on Bedrock."""

from typing import Any

import orjson
import pytest
from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.providers.base import Asked
from lakeserve.providers.bedrock_embed import embed_request, embeddings
from providers.transcripts import a_target


def asked(**body: Any) -> Asked:
    return Asked(a_target("amazon-bedrock"), "embeddings", body)


def test_what_is_refused() -> None:
    with pytest.raises(BadRequest, match="one per request"):
        embed_request("amazon", {"input": ["a", "b"]})
    with pytest.raises(BadRequest, match="no embeddings of ai21labs"):
        embed_request("ai21labs", {"input": "a"})
    with pytest.raises(BadRequest, match="'user'"):
        embed_request("cohere", {"input": "a", "user": "u"})


def test_sizes_have_each_vendors_name() -> None:
    assert embed_request("amazon", {"input": ["a"], "dimensions": 256})["dimensions"] == 256
    assert embed_request("cohere", {"input": "a", "dimensions": 256})["output_dimension"] == 256


@pytest.mark.parametrize("found", [[[1.0]], {"float": [[1.0]]}])
def test_both_forms_of_cohere(found: object) -> None:
    reply = embeddings("cohere", asked(input="a"), orjson.dumps({"embeddings": found}))
    assert orjson.loads(reply)["data"][0]["embedding"] == [1.0]


def test_titan_by_type() -> None:
    reply = orjson.dumps({"embeddingsByType": {"float": [1.0]}, "inputTextTokenCount": 2})
    value = orjson.loads(embeddings("amazon", asked(input="a"), reply))
    assert (value["data"][0]["embedding"], value["usage"]["total_tokens"]) == ([1.0], 2)


@pytest.mark.parametrize("reply", [b"{}", b'{"embeddings":[]}', b'{"embeddings":[1]}'])
@pytest.mark.parametrize("vendor", ["amazon", "cohere"])
def test_what_is_no_embedding(vendor: str, reply: bytes) -> None:
    with pytest.raises(BadUpstream, match="embedding"):
        embeddings(vendor, asked(input="a"), reply)
