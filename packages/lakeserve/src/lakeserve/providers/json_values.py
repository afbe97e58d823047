"""Reading JSON that others wrote: what has another type than documented counts as absent. Pure."""

from math import isfinite
from typing import Any

import orjson

from lakeserve.core.errors import BadUpstream


def mapping(value: object) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list, or none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def string(value: object) -> str:
    """A string, or an empty one."""
    return value if isinstance(value, str) else ""


def json_text(value: object, provider: str) -> str:
    """JSON text of a value out of a vendor's reply.

    Raises:
        BadUpstream: It is nested deeper than the encoder goes (254 levels).
    """
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise BadUpstream(f"Provider {provider!r} answered with JSON nested too deep.") from None


def count(value: object) -> int:
    """A whole number of tokens; vendors write some of them as floats. Zero where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return 0
    return max(0, int(value))


def reply_object(body: bytes, provider: str) -> dict[str, Any]:
    """The object that a vendor's reply consists of.

    Raises:
        BadUpstream: It is something else.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise BadUpstream(f"Provider {provider!r} answered with something that is no JSON object.")
    return value
