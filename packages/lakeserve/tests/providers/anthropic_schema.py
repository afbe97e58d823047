"""What Anthropic accepts, strictly: a field that it does not document is an error.

Source: Anthropic's API reference, "Create a Message", "Create a Text Completion (legacy)"
and "Errors".
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

Id = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
NonEmpty = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CacheControl(Strict):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class Block(Strict):
    cache_control: CacheControl | None = None


class Text(Block):
    type: Literal["text"]
    text: NonEmpty


class Base64(Strict):
    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf"]
    data: NonEmpty


class PlainText(Strict):
    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class Url(Strict):
    type: Literal["url"]
    url: Annotated[str, Field(pattern="^https?://")]


class Image(Block):
    type: Literal["image"]
    source: Annotated[Base64 | Url, Field(discriminator="type")]


class Document(Block):
    type: Literal["document"]
    source: Annotated[Base64 | PlainText | Url, Field(discriminator="type")]
    title: str | None = None
    context: str | None = None
    citations: dict[str, bool] | None = None


class ToolUse(Block):
    type: Literal["tool_use"]
    id: Id
    name: NonEmpty
    input: dict[str, Any]


class ToolResult(Block):
    type: Literal["tool_result"]
    tool_use_id: Id
    content: str | list[Annotated[Text | Image | Document, Field(discriminator="type")]] = ""
    is_error: bool | None = None


class Thinking(Strict):
    type: Literal["thinking"]
    thinking: str
    signature: NonEmpty


class Redacted(Strict):
    type: Literal["redacted_thinking"]
    data: NonEmpty


class UserMessage(Strict):
    role: Literal["user"]
    content: (
        NonEmpty
        | list[Annotated[Text | Image | Document | ToolResult, Field(discriminator="type")]]
    )


class AssistantMessage(Strict):
    role: Literal["assistant"]
    content: (
        NonEmpty
        | list[Annotated[Text | ToolUse | Thinking | Redacted, Field(discriminator="type")]]
    )


class Tool(Block):
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]
    description: str | None = None
    input_schema: dict[str, Any]
    strict: bool | None = None
    type: Literal["custom"] | None = None


class Choice(Strict):
    type: Literal["auto", "any"]
    disable_parallel_tool_use: bool | None = None


class NamedChoice(Strict):
    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: bool | None = None


class NoChoice(Strict):
    type: Literal["none"]


class Enabled(Strict):
    type: Literal["enabled"]
    budget_tokens: Annotated[int, Field(ge=1024)]


class Disabled(Strict):
    type: Literal["disabled", "adaptive"]


class Format(Strict):
    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(Strict):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: Format | None = None


class Metadata(Strict):
    user_id: str | None = None


class Sampling(Strict):
    model: NonEmpty
    metadata: Metadata | None = None
    stop_sequences: list[NonEmpty] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: int | None = None
    top_p: float | None = None


class Messages(Sampling):
    max_tokens: Annotated[int, Field(ge=1)]
    messages: list[Annotated[UserMessage | AssistantMessage, Field(discriminator="role")]] = Field(
        min_length=1
    )
    system: NonEmpty | list[Text] | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    thinking: Annotated[Enabled | Disabled, Field(discriminator="type")] | None = None
    tools: list[Tool] | None = None
    tool_choice: Annotated[Choice | NamedChoice | NoChoice, Field(discriminator="type")] | None = (
        None
    )
    output_config: OutputConfig | None = None

    @model_validator(mode="after")
    def fits(self) -> "Messages":
        if isinstance(self.thinking, Enabled) and self.thinking.budget_tokens >= self.max_tokens:
            raise ValueError("`max_tokens` must be greater than `thinking.budget_tokens`")
        if self.tool_choice is not None and not self.tools:
            raise ValueError("tool_choice: only with tools")
        if self.output_config and self.output_config.format:
            _closed(self.output_config.format.schema_)
        self._paired()
        return self

    def _paired(self) -> None:
        """The turn after calls holds the results of each of them."""
        open_calls: set[str] = set()
        for message in self.messages:
            content = message.content if isinstance(message.content, list) else []
            results = {b.tool_use_id for b in content if isinstance(b, ToolResult)}
            if results != open_calls:
                raise ValueError(f"`tool_use` ids {open_calls} against `tool_result` {results}")
            open_calls = {b.id for b in content if isinstance(b, ToolUse)}


class Complete(Sampling):
    prompt: Annotated[str, Field(pattern=r"^\n\nHuman:(.|\n)*\n\nAssistant:")]
    max_tokens_to_sample: Annotated[int, Field(ge=1)]


def _closed(schema: Any) -> None:
    if isinstance(schema, dict):
        kind = schema.get("type")
        if kind == "object" and schema.get("additionalProperties") is not False:
            raise ValueError("output_config: 'additionalProperties' must be false")
        for value in schema.values():
            _closed(value)


PATHS: Mapping[str, TypeAdapter[Any]] = {
    "/messages": TypeAdapter(Messages),
    "/complete": TypeAdapter(Complete),
}


def refusal(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None:
    """What Anthropic answers to a request that it does not accept."""
    if path not in PATHS:
        return 404, _error("not_found_error", "Not Found")
    if not headers.get("x-api-key") or "authorization" in headers:
        return 401, _error("authentication_error", "x-api-key header is required")
    if headers.get("anthropic-version") != "2023-06-01":
        return 400, _error("invalid_request_error", "anthropic-version: header is required")
    try:
        PATHS[path].validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return 400, _error("invalid_request_error", f"{where}: {first['msg']}")
    return None


def _error(kind: str, message: str) -> bytes:
    value = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return orjson.dumps(value)
