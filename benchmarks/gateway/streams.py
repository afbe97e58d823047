"""Very many slow streams through one gateway process."""

import asyncio
import statistics
import time

from benchmarks.gateway.loads import LOADS, request
from benchmarks.gateway.processes import Contender

EVENTS = 50
LEAVERS = 50
DONE = b"data: [DONE]\n\n"


async def _read(port: int, payload: bytes) -> tuple[float, int, bool]:
    """Seconds to the first event, events that arrived, and whether the end did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begin = time.perf_counter()
    writer.write(payload)
    await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b"\n\n")
    first = time.perf_counter() - begin
    rest = await reader.readuntil(b"0\r\n\r\n")
    writer.close()
    return first, 1 + rest.count(b"data: {"), DONE in rest


async def _first(port: int, payload: bytes) -> float:
    """Seconds to the first event of a stream that is then left."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begin = time.perf_counter()
    writer.write(payload)
    await reader.readuntil(b"data: ")
    seconds = time.perf_counter() - begin
    writer.transport.abort()
    return seconds


async def _leave(one: Contender, payload: bytes) -> float:
    """Seconds from a caller's leaving until the gateway has closed its upstream connection."""
    before = _connections(one)
    lines = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(LEAVERS)]
    for _, writer in lines:
        writer.write(payload)
    for reader, _ in lines:
        await reader.readuntil(b"\n\n")
    begin = time.perf_counter()
    for _, writer in lines:
        writer.transport.abort()
    # Another process's sockets tell no event.
    while _connections(one) > before:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return time.perf_counter() - begin


def _connections(one: Contender) -> int:
    """Sockets of the gateway, upstream ones included."""
    process = one.processes()[0]
    return sum(each.status == "ESTABLISHED" for each in process.net_connections(kind="tcp"))


async def slow_streams(one: Contender, count: int) -> None:
    """Print how they fared."""
    stream = LOADS[2]
    payload = request(one.paths[stream.kind], {**stream.body, "slow": True})
    alone = [await _first(one.port, payload) for _ in range(20)]
    before, begin = one.cpu_s(), time.perf_counter()
    results = await asyncio.gather(*(_read(one.port, payload) for _ in range(count)))
    seconds = time.perf_counter() - begin
    firsts = sorted(first for first, _, _ in results)
    whole = sum(events == EVENTS and ended for _, events, ended in results)
    left = await _leave(one, payload)
    print(f"\n| {count} streams of {EVENTS} events at once | |\n| --- | ---: |")
    print(f"| whole | {whole} |")
    print(f"| seconds for all | {seconds:.2f} |")
    print(f"| CPU microseconds per stream | {(one.cpu_s() - before) * 1e6 / count:.0f} |")
    print(f"| first event alone, ms, p50 | {statistics.median(alone) * 1000:.1f} |")
    print(f"| first event, ms, p50 | {firsts[len(firsts) // 2] * 1000:.1f} |")
    print(f"| first event, ms, longest | {firsts[-1] * 1000:.1f} |")
    print(f"| {LEAVERS} callers leave: ms until all upstreams are free | {left * 1000:.1f} |")
