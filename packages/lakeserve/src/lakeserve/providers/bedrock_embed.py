"""Embeddings of Titan and of Cohere on Bedrock, both ways. Pure.

Source: Amazon Bedrock's user guide, "Amazon Titan Embeddings Text" and "Cohere Embed".
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import BadRequest
from lakeserve.providers import cohere_embed, vectors
from lakeserve.providers.base import Asked
from lakeserve.providers.bedrock_parts import PROVIDER
from lakeserve.providers.json_values import count, mapping, reply_object

# How many texts one request may hold, by vendor.
MOST_TEXTS = {"amazon": 1, "cohere": cohere_embed.MOST_TEXTS}

TRANSLATED = frozenset({"dimensions", "encoding_format", "input", "model"})


def embed_request(vendor: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request of one vendor's models; fields of theirs pass.

    Args:
        vendor: Whose model it is, ``amazon`` or ``cohere``.
        body: The caller's.

    Raises:
        BadRequest: The vendor has no embeddings there, or a field has no counterpart.
    """
    vectors.check(body, PROVIDER)
    texts = vectors.texts(body, PROVIDER)
    request = {
        name: value for name, value in body.items() if value is not None and name not in TRANSLATED
    }
    if vendor == "cohere":
        request.setdefault("input_type", cohere_embed.DEFAULT_INPUT_TYPE)
        request["texts"] = texts
    elif vendor == "amazon":
        if len(texts) != 1:
            raise BadRequest(
                f"Field 'input' must hold one text: Titan's models on provider {PROVIDER!r} embed"
                " one per request."
            )
        request["inputText"] = texts[0]
    else:
        raise BadRequest(f"Provider {PROVIDER!r} has no embeddings of {vendor}.")
    if body.get("dimensions") is not None:
        name = "output_dimension" if vendor == "cohere" else "dimensions"
        request[name] = body["dimensions"]
    return request


def embeddings(vendor: str, asked: Asked, body: bytes) -> bytes:
    """A caller's answer from the vendor's.

    Raises:
        BadUpstream: The reply does not hold an embedding for each text.
    """
    value = reply_object(body, PROVIDER)
    if vendor == "cohere":
        found = value.get("embeddings")
        floats = found.get("float") if isinstance(found, dict) else found
        return vectors.embeddings(asked, floats, None, PROVIDER)
    tokens = count(value.get("inputTextTokenCount"))
    vector = value.get("embedding") or mapping(value.get("embeddingsByType")).get("float")
    return vectors.embeddings(asked, [vector], tokens, PROVIDER)
