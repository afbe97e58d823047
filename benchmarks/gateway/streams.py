"""Very many slow streams through one gateway process."""

import asyncio
import statistics
import time

import orjson

from benchmarks.gateway.loads import LOADS, request
from benchmarks.gateway.mock_upstream import CUT
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


async def _leave(one: Contender, upstream: int, payload: bytes) -> list[float]:
    """Seconds from each caller's leaving until the gateway has cut its stream at the upstream.

    Both sides look at the same clock, which counts for all processes of a machine.
    """
    lines = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(LEAVERS)]
    for _, writer in lines:
        writer.write(payload)
    for reader, _ in lines:
        await reader.readuntil(b"\n\n")
    await _cut(upstream)
    left = []
    for _, writer in lines:
        left.append(time.monotonic())
        writer.transport.abort()
        await asyncio.sleep(0.002)
    await asyncio.sleep(1.0)
    cut = await _cut(upstream)
    if len(cut) != LEAVERS:
        raise RuntimeError(f"{LEAVERS} callers left, {len(cut)} streams were cut")
    # They leave and are cut in the same order, or nearly; sorted, the worst of them still shows.
    return [end - begin for begin, end in zip(left, sorted(cut), strict=True)]


async def _cut(upstream: int) -> list[float]:
    """When the upstream's streams were cut since this was last asked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", upstream)
    writer.write(b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % CUT)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    times: list[float] = orjson.loads(await reader.readexactly(length))
    writer.close()
    return times


async def slow_streams(one: Contender, upstream: int, count: int) -> None:
    """Print how they fared; others leave in the middle of it."""
    stream = LOADS[2]
    payload = request(one.paths[stream.kind], {**stream.body, "slow": True})
    alone = [await _first(one.port, payload) for _ in range(20)]
    before, begin = one.cpu_s(), time.perf_counter()
    reading = [asyncio.ensure_future(_read(one.port, payload)) for _ in range(count)]
    await asyncio.sleep(2.0)  # until all have begun
    beside = sorted([await _first(one.port, payload) for _ in range(50)])
    left = await _leave(one, upstream, payload)
    results = await asyncio.gather(*reading)
    seconds = time.perf_counter() - begin
    p50 = statistics.median(left)
    firsts = sorted(first for first, _, _ in results)
    whole = sum(events == EVENTS and ended for _, events, ended in results)
    print(f"\n| {count} streams of {EVENTS} events at once | |\n| --- | ---: |")
    print(f"| whole | {whole} |")
    print(f"| seconds for all | {seconds:.2f} |")
    print(f"| CPU microseconds per stream | {(one.cpu_s() - before) * 1e6 / count:.0f} |")
    print(f"| first event alone, ms, p50 | {statistics.median(alone) * 1000:.1f} |")
    print(f"| first event beside {count} streams, ms, p50 | {beside[25] * 1000:.1f} |")
    print(f"| longest | {beside[-1] * 1000:.1f} |")
    print(f"| first events when {count} begin at once, ms, p50 | {firsts[count // 2] * 1000:.1f} |")
    print(f"| longest | {firsts[-1] * 1000:.1f} |")
    print(f"| {LEAVERS} callers leave: ms until the upstream is free, p50 | {p50 * 1000:.1f} |")
    print(f"| longest | {max(left) * 1000:.1f} |")
