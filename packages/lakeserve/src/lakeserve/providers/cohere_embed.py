"""Embeddings of Cohere, both ways. Pure.

Source: Cohere's API reference, "Embed API (v2)".
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.providers import vectors
from lakeserve.providers.base import Asked
from lakeserve.providers.json_values import count, mapping, reply_object

PROVIDER = "cohere"

# Cohere's newer models want to know what a text is for; OpenAI's request has no place for it.
DEFAULT_INPUT_TYPE = "search_document"

# How many texts one request may hold.
MOST_TEXTS = 96

TRANSLATED = frozenset({"dimensions", "embedding_types", "encoding_format", "input", "model"})


def embed_request(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Cohere's request for embeddings; ``input_type`` and other fields of Cohere's pass.

    Raises:
        BadRequest: The input is no text, or a field has no counterpart.
    """
    vectors.check(body, PROVIDER)
    request = {
        name: value for name, value in body.items() if value is not None and name not in TRANSLATED
    }
    request.setdefault("input_type", DEFAULT_INPUT_TYPE)
    request.update(model=model, texts=vectors.texts(body, PROVIDER), embedding_types=["float"])
    if body.get("dimensions") is not None:
        request["output_dimension"] = body["dimensions"]
    return request


def embeddings(asked: Asked, body: bytes) -> bytes:
    """A caller's answer from Cohere's.

    Raises:
        BadUpstream: The reply does not hold an embedding for each text.
    """
    value = reply_object(body, PROVIDER)
    billed = mapping(mapping(value.get("meta")).get("billed_units"))
    tokens = count(billed.get("input_tokens")) if billed else None
    found = mapping(value.get("embeddings")).get("float")
    return vectors.embeddings(asked, found, tokens, PROVIDER)
