"""Replies from bytes, however these are cut."""

from contextlib import suppress
from itertools import pairwise

import pytest
from gateway.strict_upstream import LAST_CHUNK, chunk, chunked_head, whole
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.gateway.upstream.failure import ConnectionCut, MalformedReply
from lakeserve.gateway.upstream.reader import MAX_HEADER_BYTES, MAX_HEADERS, ReplyReader


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


def read(data: bytes, cuts: list[int], method: bytes = b"POST") -> tuple[ReplyReader, bytes]:
    reader = ReplyReader()
    reader.expect(method)
    body = b""
    for piece in pieces(data, cuts):
        reader.feed(piece)
        body += reader.take()
    return reader, body


bodies = st.lists(st.binary(min_size=1, max_size=50), max_size=6)
cutting = st.lists(st.integers(0, 2000), max_size=30)


@given(bodies, cutting)
def test_with_a_length(parts: list[bytes], cuts: list[int]) -> None:
    expected = b"".join(parts)
    reader, body = read(whole(200, expected), cuts)
    assert (reader.status, body, reader.complete, reader.reusable) == (200, expected, True, True)
    assert (b"content-type", b"application/json") in reader.headers


@given(bodies, cutting)
def test_in_chunks(parts: list[bytes], cuts: list[int]) -> None:
    data = chunked_head() + b"".join(chunk(part) for part in parts) + LAST_CHUNK
    reader, body = read(data, cuts)
    assert (body, reader.complete, reader.reusable) == (b"".join(parts), True, True)


@given(bodies, cutting)
def test_until_the_end(parts: list[bytes], cuts: list[int]) -> None:
    expected = b"".join(parts)
    reader, body = read(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n" + expected, cuts)
    assert (body, reader.complete, reader.close_delimited) == (expected, False, True)
    reader.finish()
    assert (reader.complete, reader.reusable) == (True, False)


@given(bodies, cutting)
def test_interim_replies_are_passed_over(parts: list[bytes], cuts: list[int]) -> None:
    expected = b"".join(parts)
    interim = b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n"
    reader, body = read(interim + whole(201, expected), cuts)
    assert (reader.status, body, reader.complete) == (201, expected, True)
    assert b"x" not in dict(reader.headers)


@given(st.binary(max_size=300), cutting)
def test_any_bytes(data: bytes, cuts: list[int]) -> None:
    with suppress(MalformedReply):
        reader, _ = read(data, cuts)
        assert not reader.complete or reader.status >= 200


@given(st.integers(0, 120), st.binary(min_size=1, max_size=3), cutting)
def test_damaged_bytes(at: int, damage: bytes, cuts: list[int]) -> None:
    good = chunked_head() + chunk(b"hello") + chunk(b"world") + LAST_CHUNK
    with suppress(MalformedReply):
        reader, _ = read(good[:at] + damage + good[at + len(damage) :], cuts)
        assert not reader.complete or reader.status >= 200


# Empty lines between replies are allowed, and harmless.
@given(cutting, st.binary(max_size=200).filter(lambda data: data.strip(b"\r\n")))
def test_what_nobody_asked_for_never_meets_the_next_call(cuts: list[int], surplus: bytes) -> None:
    reader, body = read(whole(200, b"first") + surplus, cuts)
    assert (body, reader.complete, reader.reusable) == (b"first", True, False)


def test_surplus_that_is_a_whole_reply() -> None:
    reader, body = read(whole(200, b"first") + whole(200, b"second"), [])
    assert (body, reader.status, reader.reusable) == (b"first", 200, False)


def test_one_reply_after_another() -> None:
    reader = ReplyReader()
    for status in (200, 204, 404):
        reader.expect(b"POST")
        body = b"" if status == 204 else b"x"
        raw = b"HTTP/1.1 204 No\r\n\r\n" if status == 204 else whole(status, body)
        reader.feed(raw)
        assert (reader.status, reader.take(), reader.complete) == (status, body, True)
        assert reader.reusable


def test_head_has_no_body() -> None:
    reader, body = read(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", [], b"HEAD")
    assert (body, reader.complete, reader.reusable) == (b"", True, False)


def test_trailers_are_not_headers() -> None:
    reader, _ = read(chunked_head() + b"0\r\nx-late: 1\r\n\r\n", [])
    assert reader.complete
    assert b"x-late" not in dict(reader.headers)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nbig: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbig: " + b"x" * (MAX_HEADER_BYTES + 1),
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MAX_HEADERS + 1) + b"\r\n",
    ],
)
@pytest.mark.parametrize("step", [1000, 1_000_000])
def test_headers_have_limits(head: bytes, step: int) -> None:
    with pytest.raises(MalformedReply, match="headers are larger"):
        read(head, list(range(0, len(head), step)))


@pytest.mark.parametrize(
    "data",
    [
        b"<html>oops</html>",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 101 Yes\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        chunked_head() + b"xyz\r\n",
    ],
)
def test_not_http(data: bytes) -> None:
    with pytest.raises(MalformedReply):
        read(data, [])


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (b"", False),
        (b"HTTP/1.1 2", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", True),
        (chunked_head() + chunk(b"abc"), True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nabc", True),
    ],
)
def test_cut(data: bytes, received: bool) -> None:
    reader, _ = read(data, [])
    with pytest.raises(ConnectionCut) as caught:
        reader.finish()
    assert caught.value.received is received
