"""Embeddings in the caller's form."""

import base64
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.providers.base import Asked
from lakeserve.providers.vectors import check, embeddings, texts
from providers.transcripts import a_target


def asked(**body: Any) -> Asked:
    return Asked(a_target("cohere"), "embeddings", body)


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False)), min_size=1, max_size=3))
def test_order_and_values_stay(vectors: list[list[float]]) -> None:
    given_texts = [str(number) for number in range(len(vectors))]
    plain = orjson.loads(embeddings(asked(input=given_texts), vectors, 1, "p"))
    packed = orjson.loads(
        embeddings(asked(input=given_texts, encoding_format="base64"), vectors, 1, "p")
    )
    for index, vector in enumerate(vectors):
        assert plain["data"][index]["embedding"] == [pytest.approx(x) for x in vector] or any(
            x in (float("inf"), float("-inf")) for x in vector
        )
        raw = base64.b64decode(packed["data"][index]["embedding"])
        assert list(struct.unpack(f"<{len(vector)}f", raw)) == vector
        assert plain["data"][index]["index"] == index


def test_refused() -> None:
    with pytest.raises(BadRequest, match="'user'"):
        check({"user": "u"}, "p")
    with pytest.raises(BadRequest, match="'encoding_format'"):
        check({"encoding_format": "int8"}, "p")
    wrongs: list[Any] = [[1], [[1]], {}, None]
    for wrong in wrongs:
        with pytest.raises(BadRequest, match="'input' must be a string or a list of strings"):
            texts({"input": wrong}, "p")


@pytest.mark.parametrize("vectors", [None, [], [[1], [2]], [None], ["x"]])
def test_what_is_no_embedding(vectors: object) -> None:
    with pytest.raises(BadUpstream, match="embedding"):
        embeddings(asked(input="a"), vectors, None, "p")


def test_numbers_that_are_none() -> None:
    with pytest.raises(BadUpstream, match="not of numbers"):
        embeddings(asked(input="a", encoding_format="base64"), [["x"]], None, "p")
