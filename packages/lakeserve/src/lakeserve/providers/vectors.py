"""Embeddings in the caller's form, for a vendor with a protocol of its own. Pure.

The forms are OpenAI's (their API reference, "Create embeddings").
"""

import base64
import struct
from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.providers import chat_reply
from lakeserve.providers.base import Asked
from lakeserve.providers.json_values import json_text


def check(body: Mapping[str, Any], provider: str) -> None:
    """Refuse what no such vendor has a counterpart of.

    Raises:
        BadRequest: It names the field.
    """
    if body.get("user") is not None:
        raise BadRequest(f"Parameter 'user' is not supported by provider {provider!r}.")
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise BadRequest("Field 'encoding_format' must be float or base64.")


def texts(body: Mapping[str, Any], provider: str) -> list[str]:
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
        f"Field 'input' must be a string or a list of strings for provider {provider!r}."
    )


def embeddings(asked: Asked, vectors: object, tokens: int | None, provider: str) -> bytes:
    """A caller's answer.

    Args:
        asked: What was asked.
        vectors: One list of numbers for each text, in their order.
        tokens: As the vendor counted them, or None to estimate.
        provider: For messages.

    Raises:
        BadUpstream: There is not a vector for each text.
    """
    given = texts(asked.body, provider)
    if not isinstance(vectors, list) or len(vectors) != len(given):
        raise BadUpstream(f"Provider {provider!r} did not answer with an embedding for each text.")
    data = [
        {"object": "embedding", "index": index, "embedding": _written(asked, vector, provider)}
        for index, vector in enumerate(vectors)
    ]
    if tokens is None:
        tokens = sum(chat_reply.estimated_tokens(len(text)) for text in given)
    answer = {
        "object": "list",
        "data": data,
        "model": asked.target.upstream_model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return json_text(answer, provider).encode()


def _written(asked: Asked, vector: object, provider: str) -> object:
    """A vector as the caller wants it: numbers, or the base64 of little-endian float32."""
    if not isinstance(vector, list):
        raise BadUpstream(f"Provider {provider!r} answered with an embedding that is no list.")
    if asked.body.get("encoding_format") != "base64":
        return vector
    try:
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except (struct.error, OverflowError):
        raise BadUpstream(
            f"Provider {provider!r} answered with an embedding that is not of numbers."
        ) from None
    return base64.b64encode(packed).decode()
