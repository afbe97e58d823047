"""``/v1/embeddings``."""

import asyncio
import base64
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lakeserve.workers.serve.engine import Engine, RequestRefused
from lakeserve.workers.serve.errors import ApiError, engine_failure, invalid
from lakeserve.workers.serve.events import engine_error
from lakeserve.workers.serve.fields import Body, choice, integer, kind_of, refuse_unknown
from lakeserve.workers.serve.model import LoadedModel

FIELDS = frozenset({"model", "input", "encoding_format", "dimensions", "instruction"})
IGNORED = frozenset({"user", "usage_context", "client_request_id", "databricks_options"})
MAX_INPUTS = 150
# Texts per engine call: between two calls a caller that went away is noticed.
BATCH = 16

Input = str | list[int]


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """A checked embedding request."""

    inputs: tuple[Input, ...]
    encoding_format: Literal["float", "base64"]


def read_request(body: Body, model: LoadedModel) -> EmbeddingRequest:
    """Check a request.

    Raises:
        ApiError: 400, naming the field at fault.
    """
    refuse_unknown(body, FIELDS, IGNORED)
    inputs = read_inputs(body.get("input"), model.engine.header.vocabulary_size)
    wanted = integer(body, "dimensions", 1)
    dimensions = model.engine.header.dimensions
    if wanted is not None and wanted != dimensions:
        raise invalid("dimensions", f"is {wanted}; this model's vectors have {dimensions}.")
    encoding = choice(body, "encoding_format", ("float", "base64"))
    instruction = body.get("instruction")
    if instruction is not None and not isinstance(instruction, str):
        raise invalid(
            "instruction", f"must be a string, not {kind_of(instruction)}.", "invalid_type"
        )
    prepared = tuple(_prepared(item, instruction or "", model) for item in inputs)
    return EmbeddingRequest(prepared, "base64" if encoding == "base64" else "float")


def _prepared(item: Input, instruction: str, model: LoadedModel) -> Input:
    if isinstance(item, str):
        return model.clean(f"{instruction} {item}" if instruction else item)
    return item


def read_inputs(value: object, vocabulary_size: int) -> list[Input]:
    """``input`` as a list of texts or of token id lists.

    Raises:
        ApiError: 400.
    """
    if isinstance(value, str):
        inputs: list[Any] = [value]
    elif isinstance(value, list) and value and all(_is_id(item) for item in value):
        inputs = [value]
    elif isinstance(value, list):
        inputs = value
    else:
        seen = "missing" if value is None else kind_of(value)
        raise invalid(
            "input",
            f"must be a string, an array of strings, or token ids, is {seen}.",
            "invalid_type",
        )
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise invalid("input", f"holds {len(inputs)} inputs; 1 to {MAX_INPUTS} are accepted.")
    for at, item in enumerate(inputs):
        _check_input(item, f"input[{at}]" if isinstance(value, list) else "input", vocabulary_size)
    return inputs


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_input(item: object, place: str, vocabulary_size: int) -> None:
    if isinstance(item, str):
        if not item:
            raise invalid(place, "must not be an empty string.")
        return
    if not isinstance(item, list) or not all(_is_id(token) for token in item):
        raise invalid(
            place,
            f"must be a string or an array of token ids, not {kind_of(item)}.",
            "invalid_type",
        )
    if not item:
        raise invalid(place, "must not be an empty array.")
    for token in item:
        if not 0 <= token < vocabulary_size:
            raise invalid(
                place, f"{token} is not a token id of this model (0 to {vocabulary_size - 1})."
            )


async def reply(request: EmbeddingRequest, model: LoadedModel) -> dict[str, Any]:
    """The vectors in the order of the inputs.

    Raises:
        ApiError: The engine refuses the request or fails.
    """
    loop = asyncio.get_running_loop()
    data: list[dict[str, Any]] = []
    tokens = 0
    model.slots.admit(1)
    async with model.slots.slot():
        for start in range(0, len(request.inputs), BATCH):
            batch = request.inputs[start : start + BATCH]
            work = loop.run_in_executor(model.executor, embed_batch, model.engine, batch)
            try:
                answer = await asyncio.shield(work)
            except asyncio.CancelledError:
                await asyncio.wait([work])
                raise
            tokens += answer["usage"]["prompt_tokens"]
            for entry in sorted(answer["data"], key=_index):
                vector = entry["embedding"]
                if request.encoding_format == "float":
                    vector = floats(vector)
                data.append({"object": "embedding", "index": len(data), "embedding": vector})
    return {
        "object": "list",
        "data": data,
        "model": model.name,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _index(entry: dict[str, Any]) -> int:
    index: int = entry["index"]
    return index


def floats(packed: str) -> list[float]:
    """A vector from base64 of little-endian 32-bit floats."""
    vector = array("f")
    vector.frombytes(base64.b64decode(packed))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector.tolist()


def embed_batch(engine: Engine, inputs: Sequence[Input]) -> dict[str, Any]:
    """The engine's reply for a few inputs, those that are too long cut to its window.

    Raises:
        ApiError: The engine fails.
    """
    try:
        answer = engine.embed(inputs)
        if "error" in answer and _too_long(answer["error"]):
            answer = engine.embed([_cut(item, engine) for item in inputs])
    except RequestRefused as error:
        raise ApiError(400, f"The engine refused the request: {error}") from None
    if "error" in answer:
        raise engine_error(answer["error"])
    if len(answer.get("data", ())) != len(inputs):
        raise engine_failure("the engine answered with another number of vectors than asked for")
    return answer


def _too_long(error: dict[str, Any]) -> bool:
    return error.get("type") == "exceed_context_size_error" or "too large" in str(
        error.get("message", "")
    )


def _cut(item: Input, engine: Engine) -> list[int]:
    """Token ids that fit the window, with the model's closing token kept in place."""
    window = engine.context_tokens
    if not isinstance(item, str):
        return item if len(item) <= window else [*item[: window - 1], item[-1]]
    framed = engine.tokenize(item, add_special=True)
    if len(framed) <= window:
        return framed
    bare = engine.tokenize(item, add_special=False)
    start = next((at for at in range(3) if framed[at : at + len(bare)] == bare), 0)
    closing = framed[start + len(bare) :]
    return framed[: window - len(closing)] + closing
