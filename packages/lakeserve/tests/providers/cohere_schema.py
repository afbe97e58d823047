"""What Cohere accepts, strictly: a field that it does not document is an error.

Source: Cohere's API reference, "Chat API (v2)", "Embed API (v2)" and "Errors".
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

NonEmpty = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Text(Strict):
    type: Literal["text"]
    text: str


class Thinking(Strict):
    type: Literal["thinking"]
    thinking: str


class ImageUrl(Strict):
    url: NonEmpty
    detail: Literal["auto", "low", "high"] | None = None


class Image(Strict):
    type: Literal["image_url"]
    image_url: ImageUrl


class DocumentContent(Strict):
    data: dict[str, Any]
    id: str | None = None


class Document(Strict):
    type: Literal["document"]
    document: DocumentContent


class Called(Strict):
    name: NonEmpty
    arguments: str


class ToolCall(Strict):
    id: NonEmpty
    type: Literal["function"]
    function: Called


class SystemMessage(Strict):
    role: Literal["system"]
    content: str | list[Text]


class UserMessage(Strict):
    role: Literal["user"]
    content: str | list[Annotated[Text | Image, Field(discriminator="type")]]


class AssistantMessage(Strict):
    role: Literal["assistant"]
    content: str | list[Annotated[Text | Thinking, Field(discriminator="type")]] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_plan: str | None = None
    citations: list[dict[str, Any]] | None = None


class ToolMessage(Strict):
    role: Literal["tool"]
    tool_call_id: NonEmpty
    content: str | list[Annotated[Text | Document, Field(discriminator="type")]]


Message = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class Function(Strict):
    name: NonEmpty
    parameters: dict[str, Any]
    description: str | None = None


class Tool(Strict):
    type: Literal["function"]
    function: Function


class Format(Strict):
    type: Literal["text", "json_object"]
    json_schema: dict[str, Any] | None = None


class Thought(Strict):
    type: Literal["enabled", "disabled"]
    token_budget: Annotated[int, Field(ge=1)] | None = None


class Chat(Strict):
    model: NonEmpty
    stream: bool
    messages: list[Message] = Field(min_length=1)
    tools: list[Tool] | None = None
    strict_tools: bool | None = None
    documents: list[str | dict[str, Any]] | None = None
    citation_options: dict[str, Any] | None = None
    response_format: Format | None = None
    safety_mode: Literal["CONTEXTUAL", "STRICT", "OFF"] | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    stop_sequences: Annotated[list[str], Field(max_length=5)] | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    seed: int | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=1)] | None = None
    k: Annotated[int, Field(ge=0, le=500)] | None = None
    p: Annotated[float, Field(ge=0.01, le=0.99)] | None = None
    logprobs: bool | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    thinking: Thought | None = None
    priority: int | None = None

    @model_validator(mode="after")
    def fits(self) -> "Chat":
        if self.tool_choice is not None and not self.tools:
            raise ValueError("tool_choice requires tools")
        made: set[str] = set()
        for message in self.messages:
            if isinstance(message, AssistantMessage):
                made |= {call.id for call in message.tool_calls or ()}
            if isinstance(message, ToolMessage) and message.tool_call_id not in made:
                raise ValueError(f"tool call id {message.tool_call_id} not found")
        return self


class Embed(Strict):
    model: NonEmpty
    input_type: Literal["search_document", "search_query", "classification", "clustering", "image"]
    texts: Annotated[list[str], Field(min_length=1, max_length=96)]
    embedding_types: list[Literal["float", "int8", "uint8", "binary", "ubinary", "base64"]]
    output_dimension: Literal[256, 512, 1024, 1536] | None = None
    max_tokens: int | None = None
    truncate: Literal["NONE", "START", "END"] | None = None


PATHS: Mapping[str, TypeAdapter[Any]] = {
    "/v2/chat": TypeAdapter(Chat),
    "/v2/embed": TypeAdapter(Embed),
}


def refusal(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None:
    """What Cohere answers to a request that it does not accept."""
    if path not in PATHS:
        return 404, _error("not found")
    if not headers.get("authorization", "").startswith("Bearer "):
        return 401, _error("no api key supplied")
    try:
        PATHS[path].validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return 400, _error(f"invalid request: {where}: {first['msg']}")
    return None


def _error(message: str) -> bytes:
    return orjson.dumps({"id": "1f3c", "message": message})
