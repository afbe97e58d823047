"""Call records as frames of a journal: self-delimiting and checksummed. Pure.

A frame is a mark, four lengths and checksum words, the record's fields as a JSON list and the bytes
of its payloads. A process that is killed or a disk that is full can leave half a frame at the end;
it is recognised by its length or its checksum and belongs to no answer that a caller got whole.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from lakeserve.core.usage import STORED_FIELDS, CallRecord

MARK = b"LKJ1"
MAX_PAYLOAD_BYTES = 1024 * 1024

# Lengths that stand for a payload which is not there.
NOT_KEPT = 0xFFFFFFFF
TOO_LARGE = 0xFFFFFFFE

_HEAD = struct.Struct(
    "<4sIIII"
)  # mark, checksum of what follows, lengths: fields, request, response
_START = struct.Struct("<4sI")
_CHECKED = struct.Struct("<III")

Sizes = list[int]


class Entry(NamedTuple):
    """One frame, read back.

    Attributes:
        cost: What the call cost, in the currency of the price table when it was made.
        errors: Why a payload is missing, in the words of inference tables.
    """

    call: CallRecord
    cost: float
    errors: tuple[str, ...] = ()


def encode(call: CallRecord, cost: float) -> bytes:
    """The frame of a call. Payloads above 1 MiB are left out, and the frame says so."""
    fields = orjson.dumps((cost, *call[:STORED_FIELDS]))
    request, response = call.request, call.response
    if request is None and response is None:
        rest = _CHECKED.pack(len(fields), NOT_KEPT, NOT_KEPT) + fields
        return _START.pack(MARK, zlib.crc32(rest)) + rest
    lengths = _CHECKED.pack(len(fields), _length(request), _length(response))
    body = b"".join((fields, _kept(request), _kept(response)))
    rest = lengths + body
    return _START.pack(MARK, zlib.crc32(rest)) + rest


def decode(data: bytes) -> Iterator[Entry]:
    """The calls of a journal's bytes. What is no whole frame is skipped; see :func:`torn_bytes`."""
    for start, sizes in _whole_frames(data):
        yield _entry(data, start, sizes)


def torn_bytes(data: bytes) -> int:
    """How many bytes of a journal belong to no whole frame."""
    return len(data) - sum(_HEAD.size + _extent(sizes) for _, sizes in _whole_frames(data))


def _length(payload: bytes | None) -> int:
    if payload is None:
        return NOT_KEPT
    return TOO_LARGE if len(payload) > MAX_PAYLOAD_BYTES else len(payload)


def _kept(payload: bytes | None) -> bytes:
    return b"" if payload is None or len(payload) > MAX_PAYLOAD_BYTES else payload


def _extent(sizes: Sizes) -> int:
    size, request, response = sizes
    if request >= TOO_LARGE:
        request = 0
    return size + request + (response if response < TOO_LARGE else 0)


def _whole_frames(data: bytes) -> Iterator[tuple[int, Sizes]]:
    """Where frames begin, and the lengths of their parts."""
    view = memoryview(data)
    position = data.find(MARK)
    while position >= 0:
        end = len(data) + 1
        if position + _HEAD.size <= len(data):
            _, checksum, *sizes = _HEAD.unpack_from(data, position)
            end = position + _HEAD.size + _extent(sizes)
        if end <= len(data) and zlib.crc32(view[position + 8 : end]) == checksum:
            yield position, sizes
            position = end if data.startswith(MARK, end) else data.find(MARK, end)
        else:
            position = data.find(MARK, position + 1)


def _entry(data: bytes, start: int, sizes: Sizes) -> Entry:
    size, request_size, response_size = sizes
    position = start + _HEAD.size
    fields = orjson.loads(data[position : position + size])
    cost = fields.pop(0)
    # A journal of an earlier version has fewer fields, one of a later version more.
    call = (
        CallRecord._make((*fields, None, None))
        if len(fields) == STORED_FIELDS
        else CallRecord(*fields[:STORED_FIELDS])
    )
    if request_size == response_size == NOT_KEPT:
        return Entry(call, cost)
    position += size
    request = response = None
    if request_size < TOO_LARGE:
        request = data[position : position + request_size]
        position += request_size
    if response_size < TOO_LARGE:
        response = data[position : position + response_size]
    errors = tuple(
        f"MAX_{kind}_SIZE_EXCEEDED"
        for kind, length in (("REQUEST", request_size), ("RESPONSE", response_size))
        if length == TOO_LARGE
    )
    return Entry(call._replace(request=request, response=response), cost, errors)
