"""What goes back to the caller."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Protocol

import orjson

from lakeserve.core.errors import WireError
from lakeserve.gateway.sse import error_event

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream")
NOT_STORED = (b"cache-control", b"no-cache")


class Dialect(Protocol):
    """How one answer is said, where the caller uses other words than the chat's."""

    def whole(self, body: bytes) -> bytes:
        """A whole answer."""
        ...

    def part(self, events: bytes) -> bytes:
        """Some events of an answer; may be none yet.

        Raises:
            WireError: They are not what they should be.
        """
        ...

    def end(self, events: bytes) -> bytes:
        """The last events of an answer."""
        ...

    def error_event(self, error: WireError) -> bytes:
        """The event that ends an answer that fails."""
        ...


class Reply:
    """The answer to one call. How it travels is its subclasses' matter.

    Attributes:
        request_id: Goes out in both headers that clients look for.
        can_push: Whether parts can also be sent without waiting, by ``push`` and ``drained``.
        started: Whether the status is sent, so that an error can no longer have its own.
        dialect: In whose words a stream that fails says so; None for the platform's.
    """

    can_push = False
    dialect: Dialect | None
    started = False
    _is_events = False
    _is_over = False

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.dialect = None

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
            dialect = self.dialect
            event = error_event(error) if dialect is None else dialect.error_event(error)
            await self.end(event)


class WordedReply(Reply):
    """An answer that is said in other words before it leaves.

    Args:
        inner: How it travels. A failure is told to it, not to this one.
        dialect: In which words.
    """

    def __init__(self, inner: Reply, dialect: Dialect) -> None:
        super().__init__(inner.request_id)
        self._inner = inner
        inner.dialect = dialect
        self._words = dialect

    async def whole(self, status: int, body: bytes, headers: tuple[Header, ...]) -> None:
        """See ``Reply``."""
        self.started = True
        await self._inner.whole(status, self._words.whole(body), headers)

    async def start_events(self, headers: tuple[Header, ...]) -> None:
        """See ``Reply``."""
        self.started = True
        await self._inner.start_events(headers)

    async def part(self, data: bytes) -> None:
        """See ``Reply``."""
        if events := self._words.part(data):
            await self._inner.part(events)

    async def end(self, data: bytes = b"") -> None:
        """See ``Reply``."""
        await self._inner.end(self._words.end(data))


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
