"""The OpenAPI document of one serving endpoint. Pure."""

import json

from lakeserve.core.endpoints import Endpoint, Task

_MESSAGES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"role": {"type": "string"}, "content": {}},
        "required": ["role"],
    },
}
_TEXTS = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

_ITEMS = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}

# Per task: the field that a request needs, and its schema.
_REQUESTS: dict[str, tuple[str, object]] = {
    "llm/v1/chat": ("messages", _MESSAGES),
    "llm/v1/completions": ("prompt", _TEXTS),
    "llm/v1/embeddings": ("input", _TEXTS),
    "agent/v1/chat": ("messages", _MESSAGES),
    "agent/v2/chat": ("messages", _MESSAGES),
    "agent/v1/responses": ("input", _ITEMS),
}

# A custom model without a task takes one of these.
_FORMATS: dict[str, object] = {
    "dataframe_split": {"type": "object", "required": ["columns", "data"]},
    "dataframe_records": {"type": "array", "items": {"type": "object"}},
    "instances": {"type": "array"},
    "inputs": {},
}


def _request(task: Task | None) -> dict[str, object]:
    if task is not None:
        field, schema = _REQUESTS[task]
        return {"type": "object", "properties": {field: schema}, "required": [field]}
    return {
        "type": "object",
        "properties": {**_FORMATS, "params": {"type": "object"}},
        "oneOf": [{"required": [name]} for name in _FORMATS],
    }


def openapi_document(endpoint: Endpoint) -> str:
    """The document as JSON text."""
    body = {
        "required": True,
        "content": {"application/json": {"schema": _request(endpoint.task)}},
    }
    answer = f"The answer of the task {endpoint.task}." if endpoint.task else "The predictions."
    answers = {"200": {"description": answer}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": endpoint.name, "version": str(endpoint.config_version)},
        "paths": {
            f"/serving-endpoints/{endpoint.name}/invocations": {
                "post": {"operationId": "query", "requestBody": body, "responses": answers}
            }
        },
    }
    return json.dumps(document, indent=2)
