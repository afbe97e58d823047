"""A request's body: read within its limit, then understood as a JSON object."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson

from lakeserve.core.errors import BadRequest, PayloadTooLarge
from lakeserve.providers.base import CSV_FIELD

_PYTHONS_NUMBERS = (b"NaN", b"Infinity")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Incoming:
    """A request's ``receive`` that knows whether the body has been read to its end."""

    __slots__ = ("_receive", "is_over")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_over = False

    async def __call__(self) -> Message:
        """The next message."""
        message = await self._receive()
        if not message.get("more_body", False):
            self.is_over = True
        return message

    async def discard(self, limit: int) -> None:
        """Read on to the end of the body, over ``limit`` bytes at most, and forget it."""
        total = 0
        while not self.is_over and total <= limit:
            message = await self()
            total += len(message.get("body", b""))


class CallerGone(Exception):
    """The caller closed its connection; there is nobody to answer."""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """The whole body.

    Raises:
        PayloadTooLarge: It is, or says it is, longer than ``limit`` bytes.
        CallerGone: It ended early.
    """
    check_length(headers, limit)
    parts: list[bytes] = []
    total = 0
    more = True
    while more:
        part, more = await _next_part(receive)
        total += len(part)
        if total > limit:
            raise too_large(limit)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def stream_body(
    headers: Mapping[bytes, bytes], receive: Receive, limit: int
) -> AsyncGenerator[bytes, None]:
    """The parts of the body as they arrive, none of them empty.

    Raises:
        PayloadTooLarge: It is, or says it is, longer than ``limit`` bytes.
        CallerGone: It ended early.
    """
    check_length(headers, limit)
    total = 0
    more = True
    while more:
        part, more = await _next_part(receive)
        total += len(part)
        if total > limit:
            raise too_large(limit)
        if part:
            yield part


async def _next_part(receive: Receive) -> tuple[bytes, bool]:
    """A part of the body, and whether another one follows."""
    message = await receive()
    if message["type"] != "http.request":
        raise CallerGone
    return message.get("body", b""), message.get("more_body", False)


def check_length(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Refuse a body by its announced length.

    Raises:
        PayloadTooLarge: ``content-length`` is above ``limit``.
    """
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:18]) > limit:
        raise too_large(limit)


def too_large(limit: int) -> PayloadTooLarge:
    """The error for a body above ``limit`` bytes."""
    return PayloadTooLarge(f"Request size cannot exceed {limit} bytes.")


def json_object(raw: bytes, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """The JSON object in a body, whatever the content type says.

    Raises:
        BadRequest: It is not JSON, or not an object.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(
            f"The request body is not valid JSON: {error}. It was sent with"
            f" {_kind(headers)}; send a JSON object as application/json."
        ) from None
    if not isinstance(value, dict):
        raise BadRequest(f"The request body must be a JSON object, not a {_type(value)}.")
    return value


def custom_object(raw: bytes, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """The body of a call of a custom model: CSV under ``CSV_FIELD``, or a JSON object.

    The numbers that Python writes and JSON does not have, such as NaN, are accepted.

    Raises:
        BadRequest: It is neither.
    """
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    try:
        if kind == CSV_FIELD.encode():
            return {CSV_FIELD: raw.decode()}
    except UnicodeDecodeError:
        raise BadRequest("The CSV is not UTF-8 text.") from None
    try:
        return json_object(raw, headers)
    except BadRequest:
        if not any(word in raw for word in _PYTHONS_NUMBERS):
            raise
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise
        return value


def _kind(headers: Mapping[bytes, bytes]) -> str:
    content_type = headers.get(b"content-type")
    kind = "no content type" if content_type is None else f"content type {_text(content_type)!r}"
    encoding = headers.get(b"content-encoding", b"identity")
    if encoding.lower() == b"identity":
        return kind
    return f"{kind} and content encoding {_text(encoding)!r}, which is not supported"


def _text(value: bytes) -> str:
    return value[:200].decode("latin-1")


def _type(value: object) -> str:
    names = {list: "list", str: "string", bool: "boolean", type(None): "null value"}
    return names.get(type(value), "number")
