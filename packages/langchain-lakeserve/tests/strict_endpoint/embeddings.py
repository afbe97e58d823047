"""The stub's embeddings: the same text gives the same vector."""

from __future__ import annotations

import base64
import zlib
from array import array

from langchain_lakeserve._json import JSONObject

from strict_endpoint.refusal import Refusal, check_keys, refuse

DIMENSIONS = 8
MOST_INPUTS = 150


def answer(model: str, body: JSONObject) -> JSONObject:
    """Answer an embeddings request."""
    check_keys("the body", body, ["input"], ["encoding_format", "dimensions", "instruction"])
    given = body["input"]
    texts = [given] if isinstance(given, str) else given
    if not all(isinstance(text, str) for text in texts):
        refuse("input must be texts")
    if len(texts) > MOST_INPUTS:
        raise Refusal(413, "REQUEST_TOO_LARGE", f"at most {MOST_INPUTS} inputs in one request")
    size = body.get("dimensions", DIMENSIONS)
    tokens = sum(len(text.split()) for text in texts)
    rows = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _vector(text, size, body.get("encoding_format", "float")),
        }
        for index, text in enumerate(texts)
    ]
    return {
        "object": "list",
        "data": rows,
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(text: str, size: int, form: str) -> list[float] | str:
    seed = zlib.crc32(text.encode())
    numbers = [((seed * (place + 7)) % 1000) / 1000.0 for place in range(size)]
    if form == "base64":
        return base64.b64encode(array("f", numbers).tobytes()).decode()
    return numbers
