"""Typed reading of request fields, with errors that name field, value and what is accepted."""

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from lakeserve.workers.serve.errors import ApiError, invalid

Body = Mapping[str, Any]


def read_object(data: bytes) -> dict[str, Any]:
    """A request body as a JSON object.

    Raises:
        ApiError: 400, it is not JSON or not an object.
    """
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ApiError(
            400, f"The request body is not valid JSON: {error}", code="invalid_json"
        ) from None
    if not isinstance(body, dict):
        raise ApiError(
            400,
            f"The request body must be a JSON object, not {kind_of(body)}.",
            code="invalid_type",
        )
    return body


def refuse_unknown(body: Body, known: Collection[str], ignored: Collection[str]) -> None:
    """Refuse fields that are neither used nor deliberately ignored.

    Raises:
        ApiError: 400, naming the first such field.
    """
    for name in body:
        if name not in known and name not in ignored:
            raise invalid(
                name,
                f"unknown field. Accepted: {', '.join(sorted(known))}.",
                code="unknown_parameter",
            )


def kind_of(value: object) -> str:
    """A value's JSON type, for error messages."""
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a string"}
    if value is None:
        return "null"
    if isinstance(value, list):
        return "an array"
    return names.get(type(value), "an object")


def shown(value: object) -> str:
    """A value as it stands in an error message: JSON, cut to a readable length."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."


def number(body: Body, name: str, low: float, high: float) -> float | None:
    """A number of a closed range, or None when absent or null.

    Raises:
        ApiError: 400, it is not a number or out of range.
    """
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(
            name, f"must be a number from {low:g} to {high:g}, not {shown(value)}.", "invalid_type"
        )
    if not low <= value <= high:
        raise invalid(name, f"must be from {low:g} to {high:g}, not {shown(value)}.")
    return float(value)


def integer(body: Body, name: str, low: int, high: int | None = None) -> int | None:
    """An integer of a closed range, or None when absent or null.

    Raises:
        ApiError: 400, it is not an integer or out of range.
    """
    value = body.get(name)
    if value is None:
        return None
    accepted = f"at least {low}" if high is None else f"from {low} to {high}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(name, f"must be an integer {accepted}, not {shown(value)}.", "invalid_type")
    if value < low or (high is not None and value > high):
        raise invalid(name, f"must be {accepted}, not {value}.")
    return value


def boolean(body: Body, name: str, *, default: bool = False) -> bool:
    """A boolean; null counts as absent.

    Raises:
        ApiError: 400, it is something else.
    """
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise invalid(name, f"must be true or false, not {shown(value)}.", "invalid_type")
    return value


def choice(body: Body, name: str, accepted: Collection[str]) -> str | None:
    """One of a few strings, or None when absent or null.

    Raises:
        ApiError: 400, it is something else.
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in accepted:
        listed = ", ".join(repr(item) for item in accepted)
        raise invalid(name, f"must be one of {listed}, not {shown(value)}.")
    return value


def an_object(value: object, place: str) -> dict[str, Any]:
    """A nested value that must be an object.

    Raises:
        ApiError: 400, it is something else.
    """
    if not isinstance(value, dict):
        raise invalid(place, f"must be an object, not {kind_of(value)}.", "invalid_type")
    return value
