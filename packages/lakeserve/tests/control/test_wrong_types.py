"""Every field of every body with values of every other type: a 4xx that names the field."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from lakeserve.control.endpoints.routes import BASE
from lakeserve.settings import Settings

VALUES: dict[str, Any] = {
    "string": "odd",
    "integer": 7,
    "number": 1.5,
    "boolean": True,
    "array": [[]],
    "object": {"odd": 1},
}
LIMIT = int(Settings.model_fields["max_request_bytes"].default)
# Looked at elsewhere, because the framework would repeat what it refuses; or never looked at.
SCIM = "/scim/"
MODEL = {
    "name": "gpt-4",
    "provider": "openai",
    "task": "llm/v1/chat",
    "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
}
CONFIG = {"served_entities": [{"external_model": MODEL}]}

Json = dict[str, Any]


def resolved(schema: Json, schemas: Json) -> Json:
    if "$ref" in schema:
        return resolved(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    return schema


def alternatives(schema: Json, schemas: Json) -> list[Json]:
    schema = resolved(schema, schemas)
    return [
        each
        for choice in schema.get("anyOf", [schema])
        for each in ([choice] if choice is schema else alternatives(choice, schemas))
    ]


def types_of(schema: Json, schemas: Json) -> set[str]:
    found = set()
    for each in alternatives(schema, schemas):
        if "enum" in each or "const" in each:
            found |= {"enum"}
        elif "type" not in each:
            return set(VALUES)
        else:
            found |= {each["type"]} | ({"integer"} if each["type"] == "number" else set())
    return found


def wrong(schema: Json, schemas: Json, place: str = "") -> Iterator[tuple[Any, str]]:
    """Values that a schema forbids by their type, each with the place that is wrong."""
    allowed = types_of(schema, schemas)
    for kind, value in VALUES.items():
        if kind not in allowed:
            yield value, place
    for each in alternatives(schema, schemas):
        if each.get("type") == "object":
            base = {
                name: sample(each["properties"][name], schemas) for name in each.get("required", ())
            }
            for name, inner in each.get("properties", {}).items():
                for value, inner_place in wrong(inner, schemas, f"{place}.{name}".lstrip(".")):
                    yield {**base, name: value}, inner_place
        elif each.get("type") == "array":
            for value, inner_place in wrong(each["items"], schemas, f"{place}.0".lstrip(".")):
                yield [value], inner_place


def sample(schema: Json, schemas: Json) -> Any:
    """A value of the right type."""
    first = alternatives(schema, schemas)[0]
    if "enum" in first:
        return first["enum"][0]
    if "const" in first:
        return first["const"]
    if first.get("type") == "object":
        return {
            name: sample(first["properties"][name], schemas) for name in first.get("required", ())
        }
    samples: Json = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": []}
    return samples.get(first.get("type", ""))


def bodies(app: FastAPI) -> Iterator[tuple[str, str, Any, str]]:
    document = app.openapi()
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None or SCIM in path or not path.startswith("/api/"):
                continue
            for body, place in wrong(content["schema"], schemas):
                yield method, path, body, place


async def test_every_field_with_every_wrong_type(app: FastAPI, client: httpx.AsyncClient) -> None:
    made = (await client.post(BASE, json={"name": "mine", "config": CONFIG})).json()
    count = 0
    for method, path, body, place in bodies(app):
        path = path.replace("{name}", "mine").replace("{object_id}", made["id"])
        reply = await client.request(method, path, content=json.dumps(body))
        assert reply.status_code == 400, (path, body, reply.text)
        message = reply.json()["message"]
        # Blocks of another provider than the sample's are refused as a whole.
        named = re.sub(r"(_config)\..*", r"\1", place) if "external_model" in place else place
        assert f"'{named or 'body'}" in message, (path, body, place, message)
        count += 1
    assert count > 500


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{", b"\xff", b'"', b"nul", b""])
async def test_what_is_no_json(client: httpx.AsyncClient, body: bytes) -> None:
    reply = await client.post(BASE, content=body)
    assert (reply.status_code, set(reply.json())) == (400, {"error_code", "message"})


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("name", {"name": "a" * (LIMIT - 1000)}),
        ("description", {"name": "a", "description": "a" * (LIMIT - 1000)}),
        ("tags", {"name": "a", "tags": [{"key": "a"}] * 200_000}),
        ("config.served_entities", {"name": "a", "config": {"served_entities": [{}] * 500_000}}),
        ("ai_gateway.rate_limits", {"name": "a", "ai_gateway": {"rate_limits": [{}] * 500_000}}),
    ],
)
async def test_bodies_up_to_the_limit(client: httpx.AsyncClient, field: str, body: Json) -> None:
    reply = await client.post(BASE, json=body)
    assert (reply.status_code, f"'{field}" in reply.json()["message"]) == (400, True), reply.text
    assert len(reply.content) < 1000
