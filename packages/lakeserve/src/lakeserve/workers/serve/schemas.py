"""``response_format`` and JSON schemas, checked and in the form the engine compiles. Pure."""

import re
from typing import Any

from lakeserve.workers.serve.errors import invalid
from lakeserve.workers.serve.fields import an_object, shown

FORMATS = ("text", "json_object", "json_schema")
_MAPS = ("properties", "$defs", "definitions", "patternProperties")


def response_format(value: object) -> dict[str, Any] | None:
    """The engine's ``response_format``, or None for free text.

    Raises:
        ApiError: 400, the form is unknown or the schema cannot be used.
    """
    if value is None:
        return None
    form = an_object(value, "response_format")
    kind = form.get("type")
    if kind not in FORMATS:
        raise invalid(
            "response_format.type", f"must be one of {', '.join(FORMATS)}, not {shown(kind)}."
        )
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "json_object"}
    place = "response_format.json_schema"
    holder = an_object(form.get("json_schema"), place)
    schema = prepared_schema(an_object(holder.get("schema"), f"{place}.schema"), f"{place}.schema")
    return {"type": "json_schema", "json_schema": {"schema": schema}}


def prepared_schema(schema: dict[str, Any], place: str) -> dict[str, Any]:
    """A schema with its patterns anchored, for the engine's compiler.

    The engine takes an unanchored or invalid pattern as "any string" without a word, so patterns
    are checked here and unanchored ones are written out.

    Raises:
        ApiError: 400, a pattern is no regular expression or a ``$ref`` leads nowhere.
    """
    _check_references(schema, schema, place)
    prepared: dict[str, Any] = _anchored(schema, place)
    return prepared


def _anchored(node: Any, place: str) -> Any:
    """Walks schemas only: a property may itself be called ``pattern``."""
    if isinstance(node, list):
        return [_anchored(item, f"{place}[{at}]") for at, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key == "pattern" and isinstance(value, str):
            result[key] = anchor(value, f"{place}.pattern")
        elif key in _MAPS and isinstance(value, dict):
            result[key] = {
                name: _anchored(item, f"{place}.{key}.{name}") for name, item in value.items()
            }
        elif key in ("const", "enum", "default", "examples"):
            result[key] = value
        else:
            result[key] = _anchored(value, f"{place}.{key}")
    return result


def anchor(pattern: str, place: str) -> str:
    """The pattern with both ends anchored and the same matches.

    Raises:
        ApiError: 400, it is no regular expression.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise invalid(place, f"{pattern!r} is not a regular expression: {error}.") from None
    starts, ends = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith(r"\$")
    if starts and ends:
        return pattern
    inner = pattern[1:] if starts else pattern
    inner = inner[:-1] if ends else inner
    if "|" in inner:
        inner = f"({inner})"
    return f"^{'' if starts else '.*'}{inner}{'' if ends else '.*'}$"


def _check_references(node: Any, root: dict[str, Any], place: str) -> None:
    if isinstance(node, list):
        for item in node:
            _check_references(item, root, place)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and not _resolves(reference, root):
            raise invalid(place, f"$ref {reference!r} does not resolve within the schema.")
        for value in node.values():
            _check_references(value, root, place)


def _resolves(reference: str, root: dict[str, Any]) -> bool:
    if not reference.startswith("#"):
        return False
    node: Any = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True


def rebased(node: Any, prefix: str) -> Any:
    """A schema whose local references start at ``prefix`` instead of at its own root."""
    if isinstance(node, list):
        return [rebased(item, prefix) for item in node]
    if isinstance(node, dict):
        return {
            key: prefix + value[1:]
            if key == "$ref" and isinstance(value, str) and value.startswith("#")
            else rebased(value, prefix)
            for key, value in node.items()
        }
    return node
