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
NOT_STORED = (b"cache-control", b"no-cache")


class Reply:
    """The answer to one call. How it travels is its subclasses' matter.

    Attributes:
        request_id: Goes out in both headers that clients look for.
        can_push: Whether parts can also be sent without waiting, by ``push`` and ``drained``.
        started: Whether the status is sent, so that an error can no longer have its own.
    """

    can_push = False
    started = False
    _is_events = False
    _is_over = False

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id

    async def whole(self, status: int, body: bytes, headers: tuple[Header, ...]) -> None:
        """Send an answer of JSON in one piece."""
        raise NotImplementedError

    async def start_events(self, headers: tuple[Header, ...]) -> None:
        """Begin a stream of events; ``part`` and ``end`` follow."""
        raise NotImplementedError

    async def part(self, data: bytes) -> None:
        """Send a part of the body at once."""
        raise NotImplementedError

    async def end(self, data: bytes = b"") -> None:
        """Send the last part."""
        raise NotImplementedError

    def push(self, data: bytes) -> bool:
        """Send a part at once, without waiting; whether the caller can take more for now."""
        raise NotImplementedError

    async def drained(self) -> None:
        """Wait until the caller can take more."""
        raise NotImplementedError

    async def fail(self, error: WireError) -> None:
        """Say that the call failed, in the way that is still open.

        An answer of another kind that has begun stays unfinished, which makes the server close the
        connection: the caller must not take it for whole.
        """
        if not self.started:
            headers = [(n.encode(), v.encode()) for n, v in error.headers()]
            if not headers and error.status in {429, 503}:
                headers.append((b"retry-after", b"1"))
            await self.whole(error.status, orjson.dumps(error.body()), tuple(headers))
        elif self._is_events and not self._is_over:
            await self.end(error_event(error))


class AsgiReply(Reply):
    """An answer in ASGI's messages."""

    def __init__(self, send: Send, request_id: str) -> None:
        super().__init__(request_id)
        self._send = send

    async def whole(self, status: int, body: bytes, headers: tuple[Header, ...]) -> None:
        """See ``Reply``."""
        self.started = self._is_over = True
        length = (b"content-length", b"%d" % len(body))
        head = [JSON, length, *self._ids(), *headers]
        send = self._send
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def start_events(self, headers: tuple[Header, ...]) -> None:
        """See ``Reply``."""
        self._is_events = True
        await self._start(200, [EVENTS, NOT_STORED, *self._ids(), *headers])

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        """Begin an answer of any kind; ``part`` and ``end`` follow."""
        await self._start(status, [*self._ids(), *headers])

    async def part(self, data: bytes) -> None:
        """See ``Reply``."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """See ``Reply``."""
        self._is_over = True
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def _start(self, status: int, headers: list[Header]) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def _ids(self) -> tuple[Header, Header]:
        value = self.request_id.encode()
        return (b"x-request-id", value), (b"x-databricks-request-id", value)
