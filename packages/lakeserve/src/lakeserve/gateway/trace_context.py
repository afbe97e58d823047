"""W3C trace context, as callers send it and upstreams get it. Pure."""

import re
from collections.abc import Mapping

Headers = tuple[tuple[str, str], ...]

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_TRACESTATE = re.compile(rb"[\x20-\x7e]{1,512}")
_SAMPLED = 1


def trace_headers(headers: Mapping[bytes, bytes]) -> Headers:
    """The caller's ``traceparent`` and ``tracestate``, when they are what they should be."""
    parent = headers.get(b"traceparent")
    if parent is None or not _is_valid(parent):
        return ()
    state = headers.get(b"tracestate")
    given = (("traceparent", parent.decode("ascii")),)
    if state is None or not _TRACESTATE.fullmatch(state):
        return given
    return (*given, ("tracestate", state.decode("ascii")))


def is_sampled(headers: Headers) -> bool:
    """Whether a caller that sent these records its trace."""
    return bool(headers) and bool(int(headers[0][1][-2:], 16) & _SAMPLED)


def _is_valid(parent: bytes) -> bool:
    found = _TRACEPARENT.fullmatch(parent)
    if found is None or parent.startswith(b"ff"):
        return False
    return found[1].strip(b"0") != b"" and found[2].strip(b"0") != b""
