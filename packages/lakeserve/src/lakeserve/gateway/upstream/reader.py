"""Bytes of a connection in, one HTTP reply at a time out. No I/O."""

import httptools

from lakeserve.gateway.upstream.failure import ConnectionCut, MalformedReply

MAX_HEADER_BYTES = 65_536
MAX_HEADERS = 256


class ReplyReader:
    """Reads the replies of one connection.

    Attributes:
        status: Of the present reply; 0 until its status line was read.
        headers: In order, names in lower case.
        headed: Whether the headers are whole.
        complete: Whether the reply is whole.
        reusable: Whether the connection may carry another exchange once ``complete``.
        received: Whether any byte of the present reply has arrived.
        chunks: The parts of the body that have arrived, and that ``take`` would return together.
        buffered: Bytes in them.
        close_delimited: Whether the end of the connection is the end of the body.
    """

    __slots__ = (
        "_armed",
        "_header_bytes",
        "_method",
        "_parser",
        "buffered",
        "chunks",
        "close_delimited",
        "complete",
        "headed",
        "headers",
        "received",
        "reusable",
        "status",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.expect(b"")
        self._armed = False

    def expect(self, method: bytes) -> None:
        """Get ready for the reply to a request with this method."""
        self._armed = True
        self._method = method
        self.chunks: list[bytes] = []
        self._header_bytes = 0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.headed = False
        self.complete = False
        self.reusable = True
        self.received = False
        self.buffered = 0
        self.close_delimited = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection.

        Raises:
            MalformedReply: They are not HTTP, or the headers are too large.
        """
        if not self._armed:
            self.reusable = False  # nobody asked: whatever it is, it must not meet the next call
            return
        self.received = True
        if not self.headed:
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise MalformedReply("it switched protocols unasked", received=True) from None
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, MalformedReply):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError as error:
            self.reusable = False
            if not self.complete:
                raise MalformedReply(f"it is not HTTP ({error})", received=True) from None
        if not self.headed and self._header_bytes > MAX_HEADER_BYTES:
            raise _oversized()

    def finish(self) -> None:
        """The connection ended in order.

        Raises:
            ConnectionCut: The reply was not whole.
        """
        self.reusable = False
        if self.headed and self.close_delimited:
            self.complete = True
        if not self.complete:
            raise ConnectionCut("it closed the connection", received=self.received)

    def take(self) -> bytes:
        """The part of the body that has arrived since the last call."""
        chunks = self.chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.chunks = []
        self.buffered = 0
        return data

    def peek(self) -> bytes:
        """What ``take`` would return, without taking it."""
        chunks = self.chunks
        if len(chunks) != 1:
            self.chunks = chunks = [b"".join(chunks)]
        return chunks[0]

    # Called by the parser.

    def on_message_begin(self) -> None:
        """A reply starts; one that nobody asked for makes the connection unusable."""
        if not self._armed:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is whole."""
        if not self._armed or self.headed:  # of a second reply; or a trailer, which nobody reads
            return
        self.headers.append((name.lower(), value))
        if len(self.headers) > MAX_HEADERS:
            raise _oversized()

    def on_headers_complete(self) -> None:
        """The headers are whole; those of interim replies are dropped."""
        if not self._armed:
            return
        status = self._parser.get_status_code()
        if status < 200:
            return
        if self._header_bytes > MAX_HEADER_BYTES and _size(self.headers) > MAX_HEADER_BYTES:
            raise _oversized()
        self.status = status
        self.headed = True
        self.reusable = self._parser.should_keep_alive()
        if self._method == b"HEAD":
            # The parser cannot be told that no body follows, so it is of no use afterwards.
            self.reusable = False
            self.complete = True
            self._armed = False
        elif not self.reusable:
            self.close_delimited = not _is_delimited(status, self.headers)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._armed and not self.complete:
            self.chunks.append(body)
            self.buffered += len(body)

    def on_message_complete(self) -> None:
        """The reply is whole, or an interim one is."""
        if not self._armed:
            return
        if not self.headed:
            self.headers = []
            self._header_bytes = 0
            return
        self.complete = True
        self._armed = False


def _is_delimited(status: int, headers: list[tuple[bytes, bytes]]) -> bool:
    if status in {204, 304}:
        return True
    return any(
        name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value.lower())
        for name, value in headers
    )


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def _oversized() -> MalformedReply:
    limits = f"{MAX_HEADERS} headers or {MAX_HEADER_BYTES} bytes"
    return MalformedReply(f"its headers are larger than {limits}", received=True)
