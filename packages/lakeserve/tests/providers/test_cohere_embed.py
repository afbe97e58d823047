"""Embeddings of Cohere."""

import base64
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.providers.base import Asked
from lakeserve.providers.cohere_embed import embed_request, embeddings
from providers.transcripts import a_target


def asked(**body: Any) -> Asked:
    return Asked(a_target("cohere"), "embeddings", body)


def reply(vectors: object) -> bytes:
    return orjson.dumps({"embeddings": {"float": vectors}})


@pytest.mark.parametrize(
    "body",
    [
        {"input": [1, 2]},
        {"input": [[1]]},
        {"input": "x", "user": "u"},
        {"input": "x", "encoding_format": "int8"},
        {"input": "x", "encoding_format": []},
    ],
)
def test_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        embed_request("m", body)


def test_fields_of_the_vendor_pass() -> None:
    sent = embed_request("m", {"input": "x", "truncate": "END", "embedding_types": ["int8"]})
    assert sent["truncate"] == "END"
    assert sent["embedding_types"] == ["float"]


@pytest.mark.parametrize("vectors", [None, [], [[1.0], [2.0]], [1.0]])
def test_replies_that_do_not_fit(vectors: object) -> None:
    with pytest.raises(BadUpstream):
        embeddings(asked(input="x"), reply(vectors))


@pytest.mark.parametrize("vector", [["x"], [1e300], [None]])
def test_numbers_that_are_none(vector: list[Any]) -> None:
    with pytest.raises(BadUpstream, match="not of numbers"):
        embeddings(asked(input="x", encoding_format="base64"), reply([vector]))


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)), max_size=4))
def test_base64_holds_the_same_numbers_in_the_same_order(vectors: list[list[float]]) -> None:
    call = asked(input=["x"] * len(vectors), encoding_format="base64")
    data = orjson.loads(embeddings(call, reply(vectors)))["data"]
    assert [each["index"] for each in data] == list(range(len(vectors)))
    packed = [base64.b64decode(each["embedding"]) for each in data]
    assert [list(struct.unpack(f"<{len(p) // 4}f", p)) for p in packed] == vectors
