"""What OpenAI accepts, strictly: a field that its own client does not know is an error.

The names are those of OpenAI's Python client, which is made from OpenAI's description of its API.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from openai.types import CompletionCreateParams, EmbeddingCreateParams
from openai.types.chat.completion_create_params import CompletionCreateParamsBase as ChatParams
from openai.types.completion_create_params import CompletionCreateParamsBase as TextParams
from openai.types.responses.response_create_params import (
    ResponseCreateParamsBase as ResponsesParams,
)

assert CompletionCreateParams is not None

_REQUIRED = {
    "/chat/completions": (ChatParams, "messages"),
    "/completions": (TextParams, "prompt"),
    "/embeddings": (EmbeddingCreateParams, "input"),
    "/responses": (ResponsesParams, "input"),
}


def fields(path: str) -> frozenset[str]:
    """The names that a request to a path may have."""
    return frozenset(_REQUIRED[path][0].__annotations__) | {"stream"}


def refusal(
    path: str, headers: Mapping[str, str], body: bytes, *, has_model: bool = True
) -> tuple[int, bytes] | None:
    """What OpenAI answers to a request that it does not accept."""
    if path not in _REQUIRED:
        return 404, error(f"Invalid URL (POST {path})", "invalid_request_error")
    if not headers.get("authorization", "").startswith("Bearer "):
        return 401, error("You didn't provide an API key.", "invalid_request_error")
    return content_refusal(path, body, has_model=has_model)


def content_refusal(path: str, body: bytes, *, has_model: bool) -> tuple[int, bytes] | None:
    """The same without the credential, which Azure takes elsewhere, as it does the model."""
    value: dict[str, Any] = orjson.loads(body)
    unknown = sorted(set(value) - fields(path) - (set() if has_model else {"model"}))
    if unknown:
        return 400, error(f"Unrecognized request argument supplied: {unknown[0]}", "invalid")
    required = {_REQUIRED[path][1]} | ({"model"} if has_model else set())
    if missing := sorted(required - set(value)):
        return 400, error(f"Missing required parameter: '{missing[0]}'.", "invalid_request_error")
    if not has_model and "model" in value:
        return 400, error("the deployment is the model", "invalid_request_error")
    if "stream_options" in value and value.get("stream") is not True:
        return 400, error("'stream_options' is only allowed with 'stream'.", "invalid")
    return None


def error(message: str, kind: str) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": None}})
