"""The first lines of an answer, which are the same for many answers. Pure."""

import http
from functools import lru_cache

from lakeserve.gateway.reply import Header


@lru_cache(maxsize=1024)
def named_headers(entity_name: str, model_name: str) -> tuple[Header, Header]:
    """See ``origin_headers``."""
    return (
        (b"served-model-name", _header_value(entity_name)),
        (b"x-lakeserve-model", _header_value(model_name)),
    )


def _header_value(text: str) -> bytes:
    """Text as a header value; what cannot stand in one becomes a question mark."""
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode()


def start_lines(status: int, headers: tuple[Header, ...]) -> bytes:
    """The first lines of an answer; they are the same for many."""
    return _status_line(status) + header_lines(headers)


@lru_cache(maxsize=1024)
def header_lines(headers: tuple[Header, ...]) -> bytes:
    """Headers as they go over the wire, each with its line end."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


@lru_cache(maxsize=64)
def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()
