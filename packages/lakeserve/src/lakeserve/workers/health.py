"""Asks a worker how it is: ``GET /health`` on its address, with a deadline."""

import asyncio

import orjson

from lakeserve.core.endpoints import Address
from lakeserve.workers.protocols import Pulse

_REQUEST = b"GET /health HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n"
_LONGEST_ANSWER = 65536


async def probe(address: Address, timeout_s: float) -> Pulse | None:
    """What the worker says, or None when it is not ready or does not answer in time.

    A worker that is well but says nothing of its calls counts as idle since just now.
    """
    try:
        answer = await asyncio.wait_for(_exchange(address), timeout_s)
    except (OSError, asyncio.TimeoutError, asyncio.LimitOverrunError):
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        return None
    return _pulse(body)


async def _exchange(address: Address) -> bytes:
    if address.uds is not None:
        reader, writer = await asyncio.open_unix_connection(address.uds)
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(_REQUEST)
        return await _until_closed(reader)
    finally:
        writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < _LONGEST_ANSWER and (part := await reader.read(_LONGEST_ANSWER)):
        answer += part
    return answer


def _pulse(body: bytes) -> Pulse:
    try:
        said = orjson.loads(body)
        return Pulse(int(said["active"]), float(said["idle_s"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return Pulse()
