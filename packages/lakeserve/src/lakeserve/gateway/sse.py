"""Server-sent events as bytes. Pure."""

import orjson

from lakeserve.core.errors import BadUpstream, WireError

DONE = b"data: [DONE]\n\n"
CARRIAGE_RETURN = 13
MAX_EVENT_BYTES = 4 * 1024 * 1024


class EventSplitter:
    """Cuts a byte stream after whole events, so that a cut stream never ends in half a one.

    Lines that are not ``data:`` are dropped: clients of the reference service refuse comments and
    event names on these paths.

    Attributes:
        done: Whether ``[DONE]`` has passed.
        end: ``[DONE]``, which every stream that is cut so ends with.
    """

    __slots__ = ("_rest", "done", "end")

    def __init__(self) -> None:
        self._rest = b""
        self.done = False
        self.end = DONE

    def feed(self, data: bytes) -> bytes:
        """The whole events in what has arrived so far, each exactly once.

        Raises:
            BadUpstream: An event does not end.
        """
        if self._rest:
            data = self._rest + data
        elif (  # one whole event of one line, as most chunks of most servers are
            data.endswith(b"\n\n")
            and data.startswith(b"data:")
            and data.find(b"\n", 0, -2) < 0
            and data[-3] != CARRIAGE_RETURN
        ):
            if data == DONE or data == b"data:[DONE]\n\n":
                self.done = True
            return data
        if b"\r" in data:  # JSON text holds none, so each one here is part of a line's end
            data = data.replace(b"\r\n", b"\n")
        end = data.rfind(b"\n\n") + 2
        if end == 1:
            self._rest = data
            if len(data) > MAX_EVENT_BYTES:
                raise BadUpstream(f"An event of the upstream exceeds {MAX_EVENT_BYTES} bytes.")
            return b""
        if end == len(data):
            self._rest = b""
        else:
            self._rest = data[end:]
            data = data[:end]
        if data.endswith((DONE, b"data:[DONE]\n\n")):
            self.done = True
        return data if _is_plain(data) else _only_data(data)


def error_event(error: WireError) -> bytes:
    """The last event of a stream that fails: the shapes of OpenAI's and of the reference service.

    openai and langchain raise on ``error``; the other two fields are those of every error body.
    """
    value = {
        "error": {"message": error.message, "type": error.error_code, "code": str(error.status)},
        **error.body(),
    }
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _is_plain(events: bytes) -> bool:
    """Whether each line is empty or begins with ``data:``; a line without data is rare."""
    lines = events.count(b"\n")
    return (
        events.startswith(b"data:")
        and events.count(b"\ndata:") + 1 == events.count(b"\n\n")
        and lines == 2 * events.count(b"\n\n")
    )


def _only_data(events: bytes) -> bytes:
    kept = []
    for event in events.split(b"\n\n"):
        lines = [line for line in event.split(b"\n") if line.startswith(b"data:")]
        if lines:
            kept.append(b"\n".join(lines) + b"\n\n")
    return b"".join(kept)
