"""Frames of journals: whole ones are read back as they were, torn ones never."""

import zlib

import orjson
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.usage import CallRecord
from lakeserve.storage.frames import MARK, MAX_PAYLOAD_BYTES, Entry, decode, encode, torn_bytes

PLAIN = CallRecord("r1", None, "e", "chat", "s", "chat-1", "a@b.c", "chat", 200, False, 7, 1.5)

texts = st.text(st.characters(codec="utf-8"), max_size=12)
payloads = st.none() | st.binary(max_size=40) | st.just(MARK) | st.just(MARK * 5)
records = st.builds(
    PLAIN._replace,
    request_id=texts,
    client_request_id=st.none() | texts,
    usage_context=st.none() | st.dictionaries(texts, texts, max_size=2),
    input_tokens=st.integers(0, 2**40),
    first_byte_ms=st.none() | st.floats(0, 1e6),
    is_shadow=st.booleans(),
    request=payloads,
    response=payloads,
)
entries = st.builds(Entry, records, st.floats(0, 1e6), st.just(()))


@given(st.lists(entries, max_size=4))
def test_what_is_written_is_read(written: list[Entry]) -> None:
    data = b"".join(encode(entry.call, entry.cost) for entry in written)
    assert list(decode(data)) == written
    assert torn_bytes(data) == 0


@given(st.lists(entries, min_size=1, max_size=3), st.data())
def test_a_cut_loses_the_last_call_only(written: list[Entry], draw: st.DataObject) -> None:
    frames = [encode(entry.call, entry.cost) for entry in written]
    cut = draw.draw(st.integers(1, len(frames[-1]) - 1))
    data = b"".join(frames)[:-cut]
    assert list(decode(data)) == written[:-1]
    assert torn_bytes(data) == len(frames[-1]) - cut


@given(st.lists(entries, min_size=1, max_size=3), entries, st.data())
def test_whole_frames_after_a_torn_one_count(
    written: list[Entry], torn: Entry, draw: st.DataObject
) -> None:
    half = encode(torn.call._replace(request=None, response=None), torn.cost)
    half = half[: draw.draw(st.integers(0, len(half) - 1))]
    data = half + b"".join(encode(entry.call, entry.cost) for entry in written)
    assert list(decode(data)) == written


@given(entries, st.data())
def test_a_changed_byte_is_noticed(entry: Entry, draw: st.DataObject) -> None:
    data = bytearray(encode(entry.call._replace(request=None, response=None), entry.cost))
    place = draw.draw(st.integers(0, len(data) - 1))
    data[place] ^= 1 << draw.draw(st.integers(0, 7))
    assert list(decode(bytes(data))) == []


@given(st.binary(max_size=200))
def test_noise_is_no_call(noise: bytes) -> None:
    assert list(decode(noise)) == []
    assert torn_bytes(MARK + noise) == len(noise) + 4


def test_payloads_of_a_mebibyte_are_kept_and_longer_ones_named() -> None:
    full, longer = b"x" * MAX_PAYLOAD_BYTES, b"x" * (MAX_PAYLOAD_BYTES + 1)
    (kept,) = decode(encode(PLAIN._replace(request=full, response=longer), 0.0))
    assert (kept.call.request, kept.call.response) == (full, None)
    assert kept.errors == ("MAX_RESPONSE_SIZE_EXCEEDED",)
    (kept,) = decode(encode(PLAIN._replace(request=longer, response=b"{}"), 0.0))
    assert (kept.call.request, kept.call.response) == (None, b"{}")
    assert kept.errors == ("MAX_REQUEST_SIZE_EXCEEDED",)


def test_journals_of_other_versions_are_read() -> None:
    from lakeserve.storage.frames import _CHECKED, _START, NOT_KEPT

    for fields in (PLAIN[:12], (*PLAIN[:-2], "a field of tomorrow")):
        body = orjson.dumps((0.5, *fields))
        lengths = _CHECKED.pack(len(body), NOT_KEPT, NOT_KEPT)
        frame = _START.pack(MARK, zlib.crc32(lengths + body)) + lengths + body
        assert list(decode(frame)) == [Entry(PLAIN, 0.5)]
