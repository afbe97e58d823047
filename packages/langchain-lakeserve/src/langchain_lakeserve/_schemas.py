"""JSON schemas in the form that serving endpoints take; pure.

Endpoints of the foundation catalogue refuse `$ref` and `anyOf`. References can always be
written out and "this type or null" has a plain spelling, so both are rewritten for everyone;
what then remains is left for the endpoint to judge.
"""

from __future__ import annotations

from collections.abc import Mapping

from langchain_lakeserve._json import JSONObject, JSONValue

REFUSED = ("$ref", "anyOf", "oneOf", "allOf", "prefixItems", "pattern")
"""Keywords that endpoints of the foundation catalogue do not take."""


def plain_schema(schema: JSONObject) -> JSONObject:
    """Return the schema without references, as far as it is not recursive.

    Example:
        >>> plain_schema({"$defs": {"A": {"type": "string"}}, "$ref": "#/$defs/A"})
        {'type': 'string'}
    """
    definitions = {**(schema.get("definitions") or {}), **(schema.get("$defs") or {})}
    recursive = {name for name in definitions if _reaches(name, name, definitions, set())}
    result: JSONObject = _plain(schema, definitions, recursive, top=True)
    if recursive:
        result["$defs"] = {
            name: _plain(definitions[name], definitions, recursive) for name in sorted(recursive)
        }
    return result


def refused_keywords(schema: JSONValue) -> list[str]:
    """List the keywords in a schema that endpoints of the foundation catalogue refuse."""
    found: set[str] = set()
    _collect_keywords(schema, found)
    return sorted(found)


def _collect_keywords(schema: JSONValue, found: set[str]) -> None:
    if isinstance(schema, list):
        for item in schema:
            _collect_keywords(item, found)
    elif isinstance(schema, dict):
        found.update(key for key in REFUSED if key in schema)
        for key, value in schema.items():
            if key == "properties" and isinstance(value, dict):
                for item in value.values():
                    _collect_keywords(item, found)
            else:
                _collect_keywords(value, found)


def _name_of(reference: JSONValue) -> str | None:
    if not isinstance(reference, str):
        return None
    for prefix in ("#/$defs/", "#/definitions/"):
        if reference.startswith(prefix):
            return reference[len(prefix) :]
    return None


def _reaches(start: str, goal: str, definitions: Mapping[str, JSONValue], seen: set[str]) -> bool:
    for name in _names_in(definitions.get(start)):
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            if _reaches(name, goal, definitions, seen):
                return True
    return False


def _names_in(schema: JSONValue) -> list[str]:
    if isinstance(schema, list):
        return [name for item in schema for name in _names_in(item)]
    if not isinstance(schema, dict):
        return []
    own = _name_of(schema.get("$ref"))
    return ([own] if own else []) + [n for v in schema.values() for n in _names_in(v)]


def _plain(
    schema: JSONValue,
    definitions: Mapping[str, JSONValue],
    recursive: set[str],
    *,
    top: bool = False,
) -> JSONValue:
    if isinstance(schema, list):
        return [_plain(item, definitions, recursive) for item in schema]
    if not isinstance(schema, dict):
        return schema
    name = _name_of(schema.get("$ref"))
    if name is not None and name in definitions and name not in recursive:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _plain({**definitions[name], **beside}, definitions, recursive, top=top)
    result: JSONObject = {}
    for key, value in schema.items():
        if top and key in {"$defs", "definitions"}:
            continue
        if key == "properties" and isinstance(value, dict):
            # Here the keys are names: one may be called "$ref" or "anyOf".
            result[key] = {n: _plain(v, definitions, recursive) for n, v in value.items()}
        elif key in {"enum", "const", "default", "examples"}:
            result[key] = value
        else:
            result[key] = _plain(value, definitions, recursive)
    return _without_null_branch(result)


def _without_null_branch(schema: JSONObject) -> JSONObject:
    """Write ``anyOf: [{type: T}, {type: null}]`` as ``type: [T, null]``."""
    branches = schema.get("anyOf")
    if not isinstance(branches, list) or len(branches) != 2 or {"type": "null"} not in branches:
        return schema
    other = next((branch for branch in branches if branch != {"type": "null"}), None)
    if not isinstance(other, dict) or not isinstance(other.get("type"), str) or "enum" in other:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**other, **rest, "type": [other["type"], "null"]}
