"""What comes from the caller of a worker: the body, and its leaving."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# The gateway has its own, smaller limits.
MAX_BODY_BYTES = 64 * 1024 * 1024


class CallerGone(Exception):
    """The caller closed its connection; there is nobody to answer."""


class BodyTooLarge(Exception):
    """The body is longer than a worker takes; the text is for the caller."""


async def read_body(receive: Receive, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge: It is longer than ``limit`` bytes.
        CallerGone: It ended early.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge(f"The request body exceeds {limit} bytes.")
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def disconnected(receive: Receive) -> None:
    """Wait until the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
