"""JSON values, and writing and reading them fast."""

from __future__ import annotations

import json
from typing import Any, TypeAlias, cast

import orjson

JSONValue: TypeAlias = Any
"""What a JSON text can hold. (A recursive alias would make every access a cast.)"""

JSONObject: TypeAlias = dict[str, JSONValue]


def encode(value: JSONValue) -> bytes:
    """Write compact UTF-8 JSON; the slow writer takes what the fast one does not."""
    try:
        return orjson.dumps(value)
    except TypeError:  # integers beyond 64 bits, lone surrogates, non-string keys
        return json.dumps(value, separators=(",", ":"), default=_plain).encode()


def encode_text(value: JSONValue) -> str:
    """Write compact JSON as text, letters outside ASCII unescaped."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: object) -> JSONValue:
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    raise TypeError(f"cannot send a value of type {type(value).__name__} as JSON")


def decode_object(text: str) -> JSONObject | None:
    """Read a JSON object as a model wrote it, or None when the text is anything else.

    The slow reader: it keeps integers beyond 64 bits, which the fast one turns into floats, and
    takes the raw line ends that models put into strings.
    """
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return None
    return cast("JSONObject", value) if isinstance(value, dict) else None
