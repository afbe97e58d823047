"""Embeddings of Cohere, both ways. Pure.

Source: Cohere's API reference, "Embed API (v2)".
"""

import base64
import struct
from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.providers import chat_reply
from lakeserve.providers.base import Asked
from lakeserve.providers.json_values import count, json_text, mapping, reply_object

PROVIDER = "cohere"

# Cohere's newer models want to know what a text is for; OpenAI's request has no place for it.
DEFAULT_INPUT_TYPE = "search_document"

TRANSLATED = frozenset({"dimensions", "embedding_types", "encoding_format", "input", "model"})


def embed_request(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Cohere's request for embeddings; ``input_type`` and other fields of Cohere's pass.

    Raises:
        BadRequest: The input is no text, or a field has no counterpart.
    """
    if body.get("user") is not None:
        raise BadRequest(f"Parameter 'user' is not supported by provider {PROVIDER!r}.")
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise BadRequest("Field 'encoding_format' must be float or base64.")
    request = {
        name: value for name, value in body.items() if value is not None and name not in TRANSLATED
    }
    request.setdefault("input_type", DEFAULT_INPUT_TYPE)
    request.update(model=model, texts=texts(body), embedding_types=["float"])
    if body.get("dimensions") is not None:
        request["output_dimension"] = body["dimensions"]
    return request


def texts(body: Mapping[str, Any]) -> list[str]:
    """The texts to embed.

    Raises:
        BadRequest: There are token ids, which belong to the tokenizer of another vendor.
    """
    given = body["input"]
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and all(isinstance(text, str) for text in given):
        return given
    raise BadRequest(
        f"Field 'input' must be a string or a list of strings for provider {PROVIDER!r}."
    )


def embeddings(asked: Asked, body: bytes) -> bytes:
    """A caller's answer from Cohere's.

    Raises:
        BadUpstream: The reply does not hold an embedding for each text.
    """
    value = reply_object(body, PROVIDER)
    given = texts(asked.body)
    vectors = mapping(value.get("embeddings")).get("float")
    if not isinstance(vectors, list) or len(vectors) != len(given):
        raise BadUpstream(f"Provider {PROVIDER!r} did not answer with an embedding for each text.")
    data = [
        {"object": "embedding", "index": index, "embedding": _written(asked, vector)}
        for index, vector in enumerate(vectors)
    ]
    billed = mapping(mapping(value.get("meta")).get("billed_units"))
    tokens = count(billed.get("input_tokens"))
    if not billed:
        tokens = sum(chat_reply.estimated_tokens(len(text)) for text in given)
    answer = {
        "object": "list",
        "data": data,
        "model": asked.target.upstream_model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return json_text(answer, PROVIDER).encode()


def _written(asked: Asked, vector: object) -> object:
    """A vector as the caller wants it: numbers, or the base64 of little-endian float32."""
    if not isinstance(vector, list):
        raise BadUpstream(f"Provider {PROVIDER!r} answered with an embedding that is no list.")
    if asked.body.get("encoding_format") != "base64":
        return vector
    try:
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except (struct.error, OverflowError):
        raise BadUpstream(
            f"Provider {PROVIDER!r} answered with an embedding that is not of numbers."
        ) from None
    return base64.b64encode(packed).decode()
