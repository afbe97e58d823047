"""Texts to embedding requests, replies to vectors; pure."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve.errors import (
    BadRequestError,
    EmptyReplyError,
    LakeserveError,
    ReplyError,
    RequestTooLargeError,
)

_TOO_LARGE = re.compile(
    r"too (large|many|long|big)|exceed|at most|maximum|limit|batch size", re.IGNORECASE
)


@dataclass(frozen=True)
class Batch:
    """Texts that go into one request, and where they stand among all."""

    start: int
    texts: Sequence[str]

    def halves(self) -> tuple[Batch, Batch]:
        """Cut in two."""
        middle = len(self.texts) // 2
        return (
            Batch(self.start, self.texts[:middle]),
            Batch(self.start + middle, self.texts[middle:]),
        )


@dataclass(frozen=True)
class EmbeddingResult:
    """Vectors with what they cost.

    Attributes:
        vectors: One for each text, in the order of the texts.
        usage: Token counts, summed over the requests.
        model: The model as the endpoint names it.
    """

    vectors: list[list[float]]
    usage: dict[str, int] = field(default_factory=dict)
    model: str | None = None


def batches(texts: Sequence[str], size: int) -> list[Batch]:
    """Cut texts into batches of at most `size`."""
    return [Batch(start, texts[start : start + size]) for start in range(0, len(texts), size)]


def is_too_large(error: LakeserveError) -> bool:
    """Say whether fewer texts in one request may cure the error."""
    if isinstance(error, RequestTooLargeError):
        return True
    return isinstance(error, BadRequestError) and bool(_TOO_LARGE.search(error.server_text or ""))


def named(error: LakeserveError, batch: Batch, total: int) -> LakeserveError:
    """Say in an error which texts it is about, and keep them on it as `texts`."""
    last = batch.start + len(batch.texts) - 1
    where = f"text {batch.start}" if last == batch.start else f"texts {batch.start} to {last}"
    error.args = (f"{error} ({where} of {total})", *error.args[1:])
    error.texts = tuple(batch.texts)
    return error


def read_vectors(reply: JSONValue, expected: int) -> EmbeddingResult:
    """Read the vectors of a reply, in the order of their texts.

    Raises:
        EmptyReplyError: There are none.
        ReplyError: They are not one for each text.
    """
    data = _rows(reply)
    if not data:
        raise EmptyReplyError("the endpoint answered without any vector")
    if len(data) != expected:
        raise ReplyError(f"sent {expected} texts, got {len(data)} vectors")
    vectors: list[list[float] | None] = [None] * expected
    for place, row in enumerate(data):
        index = row.get("index", place) if isinstance(row, dict) else place
        if not isinstance(index, int) or not 0 <= index < expected or vectors[index] is not None:
            index = vectors.index(None)  # an endpoint that numbers nothing, or everything 0
        vectors[index] = _vector(row["embedding"] if isinstance(row, dict) else row)
    head = reply if isinstance(reply, dict) else {}
    usage = {
        key: value
        for key, value in (head.get("usage") or {}).items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    return EmbeddingResult([v for v in vectors if v is not None], usage, head.get("model"))


def joined(parts: Sequence[EmbeddingResult]) -> EmbeddingResult:
    """Put the results of several requests together, in the given order."""
    usage: dict[str, int] = {}
    for part in parts:
        for key, value in part.usage.items():
            usage[key] = usage.get(key, 0) + value
    vectors = [vector for part in parts for vector in part.vectors]
    return EmbeddingResult(vectors, usage, next((p.model for p in parts if p.model), None))


def _rows(reply: JSONValue) -> list[JSONValue]:
    """Find the rows: OpenAI's `data`, or the `predictions` of a custom model."""
    if isinstance(reply, dict):
        rows = reply.get("data") if "data" in reply else reply.get("predictions")
        if isinstance(rows, dict):
            rows = rows.get("data")
        if isinstance(rows, list):
            return rows
    elif isinstance(reply, list):
        return reply
    raise ReplyError("expected an embeddings reply with 'data'")


def _vector(value: JSONValue) -> list[float]:
    if isinstance(value, list):
        if set(map(type, value)) <= {float}:
            return value
        return [float(number) for number in value]
    if isinstance(value, str):
        try:
            numbers = array("f", base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError) as error:
            raise ReplyError("a vector is a text, but no base64 of 32-bit floats") from error
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers.tolist()
    raise ReplyError(f"a vector is a list of numbers, not {type(value).__name__}")


def embedding_body(texts: Sequence[str], params: JSONObject) -> JSONObject:
    """Build the body of a request."""
    return {**params, "input": list(texts)}
