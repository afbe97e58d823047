"""What Gemini on Vertex AI accepts, strictly: a field that it does not document is an error.

Source: Vertex AI's reference, "generateContent", "Content", "GenerationConfig", "Tool".
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Blob(Strict):
    mime_type: str
    data: str


class FileData(Strict):
    mime_type: str
    file_uri: str


class FunctionCall(Strict):
    name: str
    args: dict[str, Any]


class FunctionResponse(Strict):
    name: str
    response: dict[str, Any]


class Part(Strict):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None

    @model_validator(mode="after")
    def one_of(self) -> "Part":
        kinds = (self.text, self.inline_data, self.file_data)
        more = (self.function_call, self.function_response)
        if sum(kind is not None for kind in (*kinds, *more)) != 1:
            raise ValueError("required oneof field 'data' must have one initialized field")
        return self


class Content(Strict):
    role: Literal["user", "model"]
    parts: Annotated[list[Part], Field(min_length=1)]


class System(Strict):
    parts: Annotated[list[Part], Field(min_length=1)]


class ThinkingConfig(Strict):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None


class GenerationConfig(Strict):
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: float | None = None
    top_k: float | None = None
    candidate_count: Annotated[int, Field(ge=1, le=8)] | None = None
    max_output_tokens: int | None = None
    stop_sequences: Annotated[list[str], Field(max_length=5)] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    response_mime_type: Literal["text/plain", "application/json"] | None = None
    response_json_schema: dict[str, Any] | None = None
    thinking_config: ThinkingConfig | None = None


class Declaration(Strict):
    name: str
    description: str | None = None
    parameters_json_schema: dict[str, Any] | None = None


class Tool(Strict):
    function_declarations: list[Declaration] | None = None
    google_search: dict[str, Any] | None = None


class CallingConfig(Strict):
    mode: Literal["AUTO", "ANY", "NONE"]
    allowed_function_names: list[str] | None = None


class ToolConfig(Strict):
    function_calling_config: CallingConfig


class Generate(Strict):
    contents: Annotated[list[Content], Field(min_length=1)]
    system_instruction: System | None = None
    generation_config: GenerationConfig | None = None
    tools: list[Tool] | None = None
    tool_config: ToolConfig | None = None
    safety_settings: list[dict[str, str]] | None = None
    labels: dict[str, str] | None = None
    cached_content: str | None = None


METHODS = (":generateContent", ":streamGenerateContent?alt=sse")


def refusal(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None:
    """What Vertex AI answers to a request that it does not accept."""
    if not path.startswith("/publishers/google/models/") or not path.endswith(METHODS):
        return 404, error(404, "NOT_FOUND", "not found")
    if not headers.get("authorization", "").startswith("Bearer "):
        return 401, error(401, "UNAUTHENTICATED", "no token")
    try:
        Generate.model_validate_json(body)
    except ValidationError as wrong:
        return 400, error(400, "INVALID_ARGUMENT", str(wrong.errors()[0]))
    return None


def error(code: int, status: str, message: str) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message, "status": status}})
