"""Asks a worker how it is, with a deadline."""

import asyncio

import orjson

from lakeserve.core.endpoints import Address
from lakeserve.workers.protocols import Pulse

_LONGEST_ANSWER = 1 << 20


async def probe(address: Address, timeout_s: float, path: str = "/health") -> Pulse | None:
    """What the worker says, or None when it is not ready or does not answer in time.

    A worker that is well but says nothing of its calls counts as idle since just now.
    """
    body = await fetch(address, path, timeout_s)
    return None if body is None else _pulse(body)


async def fetch(address: Address, path: str, timeout_s: float) -> bytes | None:
    """The body of a page, or None when there is none within ``timeout_s`` seconds."""
    try:
        answer = await asyncio.wait_for(_exchange(address, path), timeout_s)
    except (OSError, asyncio.TimeoutError):
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    return body if head.split(b" ")[1:2] == [b"200"] else None


async def _exchange(address: Address, path: str) -> bytes:
    if address.uds is not None:
        reader, writer = await asyncio.open_unix_connection(address.uds)
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n".encode())
        return await _until_closed(reader)
    finally:
        writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < _LONGEST_ANSWER and (part := await reader.read(65536)):
        answer += part
    return answer


def _pulse(body: bytes) -> Pulse:
    try:
        said = orjson.loads(body)
        busy_s = said.get("busy_s")
        counted = None if busy_s is None else float(busy_s)
        return Pulse(int(said["active"]), float(said["idle_s"]), counted)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        return Pulse()
