"""The OpenAPI document of one serving endpoint. Pure."""

import json

from lakeserve.core.endpoints import Endpoint

_MESSAGES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"role": {"type": "string"}, "content": {}},
        "required": ["role"],
    },
}
_TEXTS = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

# Per task: the field that a request needs, and its schema.
_REQUESTS: dict[str, tuple[str, object]] = {
    "llm/v1/chat": ("messages", _MESSAGES),
    "llm/v1/completions": ("prompt", _TEXTS),
    "llm/v1/embeddings": ("input", _TEXTS),
}


def openapi_document(endpoint: Endpoint) -> str:
    """The document as JSON text."""
    field, schema = _REQUESTS[endpoint.task]
    request = {"type": "object", "properties": {field: schema}, "required": [field]}
    body = {"required": True, "content": {"application/json": {"schema": request}}}
    answers = {"200": {"description": f"The answer of the task {endpoint.task}."}}
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
