"""What Google's PaLM accepted, strictly.

Source: "PaLM API reference", "generateMessage", "generateText" and "batchEmbedText".
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Message(Strict):
    author: Literal["0", "1"]
    content: Annotated[str, Field(min_length=1)]


class Prompt(Strict):
    context: str | None = None
    messages: Annotated[list[Message], Field(min_length=1)]


class Sampled(Strict):
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    candidate_count: Annotated[int, Field(ge=1, le=8)] | None = None
    top_p: float | None = None
    top_k: int | None = None


class GenerateMessage(Sampled):
    prompt: Prompt


class TextPrompt(Strict):
    text: Annotated[str, Field(min_length=1)]


class GenerateText(Sampled):
    prompt: TextPrompt
    max_output_tokens: int | None = None
    stop_sequences: Annotated[list[str], Field(max_length=5)] | None = None


class BatchEmbedText(Strict):
    texts: Annotated[list[str], Field(min_length=1, max_length=100)]


METHODS: Mapping[str, type[Strict]] = {
    "generateMessage": GenerateMessage,
    "generateText": GenerateText,
    "batchEmbedText": BatchEmbedText,
}


def refusal(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None:
    """What Google answered to a request that it did not accept."""
    method = path.rpartition(":")[2]
    if not path.startswith("/v1beta3/models/") or method not in METHODS:
        return 404, error(404, "NOT_FOUND", "not found")
    if not headers.get("x-goog-api-key"):
        return 403, error(403, "PERMISSION_DENIED", "no API key")
    try:
        METHODS[method].model_validate_json(body)
    except ValidationError as wrong:
        return 400, error(400, "INVALID_ARGUMENT", str(wrong.errors()[0]))
    return None


def error(code: int, status: str, message: str) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message, "status": status}})
