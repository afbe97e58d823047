"""Server-sent events: bytes in, the data of events out; pure."""

from __future__ import annotations

DONE = b"[DONE]"
"""The data of the event that ends a stream of the OpenAI kind."""


class EventDecoder:
    r"""Cut a byte stream into the data of its events, however the bytes are split.

    Line ends may be ``\n``, ``\r\n`` or ``\r``. Comments and fields other than
    ``data`` are skipped: on this protocol the type of an event is inside its JSON.

    Example:
        >>> decoder = EventDecoder()
        >>> decoder.feed(b'data: {"a"')
        []
        >>> decoder.feed(b": 1}\n\n")
        [b'{"a": 1}']
    """

    __slots__ = ("_data", "_rest", "_skip_newline")

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._skip_newline = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next bytes and return the data of the events they complete."""
        if self._skip_newline and piece:
            # A \r at the end of the last piece was a line end; its \n is not another one.
            self._skip_newline = False
            if piece[:1] == b"\n":
                piece = piece[1:]
        if not piece:
            return []
        buffer = self._rest + piece if self._rest else piece
        if b"\r" in buffer:
            self._skip_newline = buffer.endswith(b"\r")
            buffer = buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = buffer.split(b"\n")
        return self._events(lines)

    def flush(self) -> list[bytes]:
        """Return the event that the end of the stream completes, if there is one."""
        lines = [self._rest, b""] if self._rest else [b""]
        self._rest = b""
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    events.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
            elif line.startswith(b"data:"):
                data.append(line[6:] if line[5:6] == b" " else line[5:])
        return events
