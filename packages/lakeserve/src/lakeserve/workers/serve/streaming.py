"""Server-sent events. Pure."""

import orjson

from lakeserve.workers.serve.errors import ApiError

DONE = b"data: [DONE]\n\n"


def event(value: object) -> bytes:
    """One event: a single ``data:`` line and an empty line."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def error_event(error: ApiError) -> bytes:
    """The last event of a stream that fails after its first byte."""
    return event(error.body())
