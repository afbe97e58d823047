"""What Vertex AI accepts, strictly, of its own models, of Claude and of partners' models.

Source: Vertex AI's reference, "Text embeddings API"; "Request predictions with Claude models";
"Call MaaS APIs for open models".
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import orjson
from providers import anthropic_schema, gemini_schema, openai_schema
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Instance(Strict):
    content: Annotated[str, Field(min_length=1)]
    task_type: str | None = None
    title: str | None = None


class Parameters(Strict):
    model_config = ConfigDict(alias_generator=to_camel)

    output_dimensionality: int | None = None
    auto_truncate: bool | None = None


class Predict(Strict):
    instances: Annotated[list[Instance], Field(min_length=1, max_length=250)]
    parameters: Parameters | None = None


class Claude(anthropic_schema.Messages):
    model: Literal[""] = ""  # the path names it
    anthropic_version: Literal["vertex-2023-10-16"]

    @model_validator(mode="before")
    @classmethod
    def no_model(cls, value: dict[str, object]) -> dict[str, object]:
        if "model" in value:
            raise ValueError("model: Extra inputs are not permitted")
        return value


def refusal(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None:
    """What Vertex AI answers to a request that it does not accept."""
    if not headers.get("authorization", "").startswith("Bearer "):
        return 401, gemini_schema.error(401, "UNAUTHENTICATED", "no token")
    if path == "/endpoints/openapi/chat/completions":
        return openai_schema.refusal("/chat/completions", headers, body)
    try:
        if path.startswith("/publishers/google/models/") and path.endswith(":predict"):
            Predict.model_validate_json(body)
        elif path.startswith("/publishers/anthropic/models/"):
            return _claude(path, body)
        else:
            return gemini_schema.refusal(path, headers, body)
    except ValidationError as wrong:
        return 400, gemini_schema.error(400, "INVALID_ARGUMENT", str(wrong.errors()[0]))
    return None


def _claude(path: str, body: bytes) -> tuple[int, bytes] | None:
    wanted = ":streamRawPredict" if orjson.loads(body).get("stream") else ":rawPredict"
    if not path.endswith(wanted):
        return 404, gemini_schema.error(404, "NOT_FOUND", "not found")
    Claude.model_validate_json(body)
    return None
