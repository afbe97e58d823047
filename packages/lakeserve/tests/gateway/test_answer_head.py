"""The first lines of answers."""

import pytest
from lakeserve.gateway.answer_head import header_lines, named_headers, start_lines


def test_headers_go_out_in_their_order() -> None:
    assert header_lines(((b"b", b"1"), (b"a", b"2"))) == b"b: 1\r\na: 2\r\n"
    assert header_lines(()) == b""


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK\r\n"),
        (429, b"HTTP/1.1 429 Too Many Requests\r\n"),
        (299, b"HTTP/1.1 299 \r\n"),
    ],
)
def test_the_status_line(status: int, line: bytes) -> None:
    assert start_lines(status, ()) == line
    assert start_lines(status, ((b"x", b"y"),)) == line + b"x: y\r\n"


def test_names_cannot_break_a_header() -> None:
    served, model = named_headers("a\r\nb", "é")
    assert served == (b"served-model-name", b"a??b")
    assert model == (b"x-lakeserve-model", b"?")
