"""AWS's event streams, cut."""

import base64
import contextlib
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadUpstream
from lakeserve.providers.aws_events import AwsEvents
from providers import aws_frames

FRAMES = [
    aws_frames.event("messageStart", b'{"role":"assistant"}'),
    aws_frames.event("contentBlockDelta", '{"delta":{"text":"Grüße"}}'.encode()),
    aws_frames.event("throttlingException", b'{"message":"slow"}'),
]
CUT = (
    b'data: {"messageStart":{"role":"assistant"}}\n\n'
    + 'data: {"contentBlockDelta":{"delta":{"text":"Grüße"}}}\n\n'.encode()
    + b'data: {"throttlingException":{"message":"slow"}}\n\n'
)


@given(st.data())
def test_any_split_gives_the_same_events(data: st.DataObject) -> None:
    stream = b"".join(FRAMES)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=20)))
    events = AwsEvents()
    parts = [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]
    assert b"".join(map(events.feed, parts)) == CUT


def test_parts_of_a_model_are_unwrapped() -> None:
    inner = base64.b64encode(b'{"outputText":"x"}').decode()
    frame = aws_frames.event("chunk", orjson.dumps({"bytes": inner, "p": "abc"}))
    assert AwsEvents().feed(frame) == b'data: {"chunk":{"outputText":"x"}}\n\n'


def test_errors_without_a_payload() -> None:
    headers = {":message-type": "error", ":error-code": "500", ":error-message": "broken"}
    expected = b'data: {"internalServerException":{"message":"broken"}}\n\n'
    assert AwsEvents().feed(aws_frames.frame(headers, b"{}")) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"data: this is no event stream of AWS\n\n",
        FRAMES[0][:-1] + b"\0",
        aws_frames.event("messageStart", b"{"),
        aws_frames.event("messageStart", b'{"a":' * 300 + b"1" + b"}" * 300),
        aws_frames.event("chunk", b'{"bytes":"!"}'),
        aws_frames.event("chunk", b'{"bytes":"AAAAA"}'),
    ],
)
def test_garbage(data: bytes) -> None:
    with pytest.raises(BadUpstream, match="amazon-bedrock"):
        AwsEvents().feed(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_or_not_whole(data: bytes) -> None:
    events = AwsEvents()
    with contextlib.suppress(BadUpstream):
        assert events.feed(data) == b""
