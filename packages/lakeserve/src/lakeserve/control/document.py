"""The OpenAPI document of the whole platform: every route, every answer, errors included."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI

from lakeserve.control.document_schemas import (
    ANSWERS,
    EXTERNAL,
    INFERENCE,
    SCHEMAS,
    external_model,
    reference,
)
from lakeserve.control.unbuilt import UNBUILT, UNBUILT_OAUTH

Json = dict[str, Any]

# Status, when it is answered. Any call may be answered so.
EVERYWHERE = {
    400: "The request cannot be used; the message names the field.",
    401: "No credential was sent, or one of an unknown kind.",
    403: "The credential is not valid, or its principal may not do this.",
    404: "The object does not exist, or the caller may not know of it.",
    405: "The path does not have this method.",
    413: "The body is too long.",
    501: "A documented feature that this platform does not have; the message names it.",
    503: "The platform cannot answer now.",
}
CHANGES = {409: "The object is being changed by another call."}
CALLS = {
    429: "A limit is used up.",
    502: "The upstream failed.",
    504: "The model or its provider took too long.",
}
_CHANGING = frozenset({"post", "put", "patch", "delete"})
_OPEN = ("/health", "/.well-known/", "/oidc/")


def describe(app: FastAPI) -> None:
    """Have the application answer with the whole document where it would answer with its own."""
    own = app.openapi

    def whole() -> Json:
        if app.openapi_schema is None or "lakeserve" not in app.openapi_schema:
            app.openapi_schema = document(own())
        return app.openapi_schema

    # The framework's documented way; it offers no other.
    app.openapi = whole  # type: ignore[method-assign]


def document(own: Mapping[str, Any]) -> Json:
    """The framework's document with what it does not know."""
    schemas = dict(own.get("components", {}).get("schemas", {}))
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    paths: Json = {path: dict(operations) for path, operations in own["paths"].items()}
    _add(paths, _unbuilt())
    for path, operations in paths.items():
        for method, operation in operations.items():
            operations[method] = _completed(path, method, operation)
    _add(paths, _inference())
    return {
        **own,
        "lakeserve": True,
        "paths": paths,
        "components": {
            "schemas": {**schemas, **SCHEMAS, EXTERNAL: external_model(schemas[EXTERNAL])},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _add(paths: Json, more: Iterable[tuple[str, str, Json]]) -> None:
    """What is there already is what the platform answers with."""
    for path, method, operation in more:
        paths.setdefault(path, {}).setdefault(method, operation)


def _completed(path: str, method: str, operation: Json) -> Json:
    """An operation with its errors, its credential and the shape of its answer."""
    answers = {
        status: answer for status, answer in operation["responses"].items() if status != "422"
    }
    known = ANSWERS.get((method, path))
    if known is not None and "200" in answers:
        answers["200"] = {**answers["200"], "content": _json(reference(known))}
    errors = {**EVERYWHERE, **(CHANGES if method in _CHANGING else {})}
    if path.startswith(_OPEN):
        return {**operation, "responses": {**_errors(errors, "OAuthError"), **answers}}
    completed = {**operation, "responses": {**_errors(errors, "Error"), **answers}}
    return {**completed, "security": [{"token": []}]}


def _unbuilt() -> Iterable[tuple[str, str, Json]]:
    for methods, path, feature in (*UNBUILT, *UNBUILT_OAUTH):
        for method in methods:
            shown = path.replace("{path:path}", "{path}")
            parameters = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in ("name", "entity", "path")
                if f"{{{name}}}" in shown
            ]
            operation: Json = {"summary": f"Not built: {feature}", "responses": {}}
            if parameters:
                operation["parameters"] = parameters
            yield shown, method.lower(), operation


def _inference() -> Iterable[tuple[str, str, Json]]:
    for path, request, answer, summary in INFERENCE:
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in ("name", "entity")
            if f"{{{name}}}" in path
        ]
        event = {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}}
        events = {"text/event-stream": {"schema": event}}
        operation: Json = {
            "summary": summary,
            "requestBody": {"required": True, "content": _json(reference(request))},
            "responses": {
                "200": {
                    "description": "The answer; events where 'stream' is true.",
                    "content": {**_json(reference(answer)), **events},
                },
                **_errors({**EVERYWHERE, **CALLS}, "Error"),
            },
            "security": [{"token": []}],
        }
        if parameters:
            operation["parameters"] = parameters
        yield path, "post", operation


def _errors(described: Mapping[int, str], schema: str) -> Json:
    return {
        str(status): {"description": text, "content": _json(reference(schema))}
        for status, text in described.items()
    }


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
