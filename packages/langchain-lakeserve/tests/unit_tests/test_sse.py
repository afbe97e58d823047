from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_lakeserve._sse import EventDecoder


def decode(pieces: list[bytes]) -> list[bytes]:
    decoder = EventDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.flush()


@pytest.mark.parametrize(
    ("raw", "events"),
    [
        (b"", []),
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"event: x\nid: 1\n: comment\ndata: a\n\n", [b"a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data\n\ndatabase: x\n\n", []),
        (b"data: the end without a line end", [b"the end without a line end"]),
        (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
    ],
)
def test_decoding(raw: bytes, events: list[bytes]) -> None:
    assert decode([raw]) == events


@given(
    lines=st.lists(
        st.sampled_from(
            [b"data: {}", b"data:x", b"", b"", b": note", b"event: y", "data: é".encode()]
        ),
        max_size=20,
    ),
    ends=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=20, max_size=20),
    cuts=st.lists(st.integers(0, 400), max_size=30),
)
def test_any_split_gives_the_same_events(
    lines: list[bytes], ends: list[bytes], cuts: list[int]
) -> None:
    raw = b"".join(line + end for line, end in zip(lines, ends, strict=False))
    places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    pieces = [raw[a:b] for a, b in pairwise(places)]
    assert decode(pieces) == decode([raw])
    assert decode([raw[i : i + 1] for i in range(len(raw))]) == decode([raw])
