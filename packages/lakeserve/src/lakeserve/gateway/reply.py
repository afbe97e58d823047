"""What goes back to the caller."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

from lakeserve.core.errors import WireError
from lakeserve.gateway.sse import error_event

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream")


class Reply:
    """The answer to one call.

    Attributes:
        request_id: Goes out in both headers that clients look for.
        started: Whether the status is sent, so that an error can no longer have its own.
    """

    __slots__ = ("_is_events", "_is_over", "_send", "request_id", "started")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.started = False
        self._is_events = False
        self._is_over = False

    async def whole(self, status: int, body: bytes, headers: Iterable[Header]) -> None:
        """Send an answer of JSON in one piece."""
        self.started = self._is_over = True
        length = (b"content-length", b"%d" % len(body))
        head = [JSON, length, *self._ids(), *headers]
        send = self._send
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def start_events(self, headers: Iterable[Header]) -> None:
        """Begin a stream of events; ``part`` and ``end`` follow."""
        self._is_events = True
        await self._start(200, [EVENTS, (b"cache-control", b"no-cache"), *self._ids(), *headers])

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        """Begin an answer of any kind; ``part`` and ``end`` follow."""
        await self._start(status, [*self._ids(), *headers])

    async def part(self, data: bytes) -> None:
        """Send a part of the body at once."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last part."""
        self._is_over = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def fail(self, error: WireError) -> None:
        """Say that the call failed, in the way that is still open.

        An answer of another kind that has begun stays unfinished, which makes the server close the
        connection: the caller must not take it for whole.
        """
        if not self.started:
            headers = [(n.encode(), v.encode()) for n, v in error.headers()]
            if not headers and error.status in {429, 503}:
                headers.append((b"retry-after", b"1"))
            await self.whole(error.status, orjson.dumps(error.body()), headers)
        elif self._is_events and not self._is_over:
            await self.end(error_event(error))

    async def _start(self, status: int, headers: list[Header]) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def _ids(self) -> tuple[Header, Header]:
        value = self.request_id.encode()
        return (b"x-request-id", value), (b"x-databricks-request-id", value)
