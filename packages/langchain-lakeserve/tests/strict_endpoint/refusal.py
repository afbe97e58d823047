"""How the stub says no."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NoReturn

from langchain_lakeserve._json import JSONValue


class Refusal(Exception):
    """An answer with an error status."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def refuse(message: str) -> NoReturn:
    """Answer 400."""
    raise Refusal(400, "BAD_REQUEST", message)


def check_keys(
    what: str, value: JSONValue, required: Collection[str], allowed: Collection[str]
) -> None:
    """Refuse what is no object with the required and none but the allowed keys."""
    if not isinstance(value, dict):
        refuse(f"{what} must be an object")
    missing = set(required) - set(value)
    if missing:
        refuse(f"{what} lacks {sorted(missing)}")
    unknown = set(value) - set(required) - set(allowed)
    if unknown:
        refuse(f"{what} has unknown fields {sorted(unknown)}: extra inputs are not permitted")
