"""Embeddings of Vertex AI, both ways. Pure.

Source: Vertex AI's reference, "Text embeddings API"; its guide, "Get text embeddings".
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.providers import vectors
from lakeserve.providers.base import Asked
from lakeserve.providers.gemini_parts import PROVIDER
from lakeserve.providers.json_values import count, mapping, objects, reply_object

# Of each text; the names are those of Google's request.
INSTANCE_FIELDS = ("task_type", "title")

TRANSLATED = frozenset({*INSTANCE_FIELDS, "dimensions", "encoding_format", "input", "model"})


def most_texts(model: str) -> int:
    """How many texts one request may hold: Google's newer models take a single one."""
    return 1 if model.startswith("gemini-embedding") else 250


def predict_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """Google's request for embeddings; ``task_type`` and ``title`` go to every text.

    Raises:
        BadRequest: The input is no text, or a field has no counterpart.
    """
    vectors.check(body, PROVIDER)
    each = {name: body[name] for name in INSTANCE_FIELDS if body.get(name) is not None}
    request = {
        name: value for name, value in body.items() if value is not None and name not in TRANSLATED
    }
    request["instances"] = [{"content": text, **each} for text in vectors.texts(body, PROVIDER)]
    if body.get("dimensions") is not None:
        parameters = mapping(body.get("parameters"))
        request["parameters"] = {**parameters, "outputDimensionality": body["dimensions"]}
    return request


def embeddings(asked: Asked, body: bytes) -> bytes:
    """A caller's answer from Google's.

    Raises:
        BadUpstream: The reply does not hold an embedding for each text.
    """
    found = [mapping(p.get("embeddings")) for p in objects(_predictions(body))]
    counted = [mapping(each.get("statistics")).get("token_count") for each in found]
    tokens = None if None in counted else sum(map(count, counted))
    return vectors.embeddings(asked, [each.get("values") for each in found], tokens, PROVIDER)


def _predictions(body: bytes) -> object:
    return reply_object(body, PROVIDER).get("predictions")
