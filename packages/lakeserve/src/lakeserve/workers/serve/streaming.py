"""Server-sent events. Pure."""

import orjson

from lakeserve.workers.serve.errors import ApiError

DONE = b"data: [DONE]\n\n"

# Clients that cut a stream with ``str.splitlines`` also cut at these; JSON may escape them.
_LINE_ENDS = (
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
    ("\u0085".encode(), b"\\u0085"),
)


def event(value: object) -> bytes:
    """One event: a single ``data:`` line and an empty line."""
    return event_of(orjson.dumps(value))


def event_of(data: bytes) -> bytes:
    """One event of a value that is JSON already."""
    for raw, escaped in _LINE_ENDS:
        data = data.replace(raw, escaped)
    return b"data: " + data + b"\n\n"


def error_event(error: ApiError) -> bytes:
    """The last event of a stream that fails after its first byte."""
    return event(error.body())
