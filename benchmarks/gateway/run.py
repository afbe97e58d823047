"""What the gateway costs, beside other gateways on the same mock upstream.

Each gateway gets the same bounded number of requests in interleaved turns, and the median of the
turns counts. CPU time (user and system) is less disturbed by other work on the machine than time on
the clock, but not untouched by it: trust the ratios of one run. See README.md.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import uvloop

from benchmarks.gateway import peers
from benchmarks.gateway.loads import LOADS, Load, request, send
from benchmarks.gateway.processes import ROOT, Contender, free_port, started
from benchmarks.gateway.streams import slow_streams

PROGRAM = (sys.executable, "-m", "benchmarks.gateway.serve_gateway")
CONNECTIONS = 16
PATHS = {
    "chat": "/serving-endpoints/chat/invocations",
    "embeddings": "/serving-endpoints/embeddings/invocations",
}


@contextlib.contextmanager
def lakeserve(
    upstream: int, data: Path, count: int = 1, wheel: Path | None = None
) -> Iterator[list[Contender]]:
    """Gateway processes that share a port, everything on; of a compiled wheel if one is given."""
    port = free_port()
    program = (*PROGRAM, str(data))
    command: tuple[str, ...] = (*program, "--port", str(port), "--upstream", str(upstream))
    name = "lakeserve"
    with contextlib.ExitStack() as stack:
        if wheel is not None:
            unpacked = stack.enter_context(tempfile.TemporaryDirectory())
            zipfile.ZipFile(wheel).extractall(unpacked)
            command = ("env", f"PYTHONPATH={unpacked}", *command)
            name = "lakeserve, compiled"
        pids = [stack.enter_context(started(port, *command)) for _ in range(count)]
        time.sleep(1.0 if count > 1 else 0.0)
        yield [Contender(name, port, pid, PATHS, start_s=seconds) for pid, seconds in pids]


def turn(one: Contender, load: Load, scale: float = 1.0) -> tuple[float, float]:
    """CPU microseconds per request, and requests per second, of one turn."""
    count = max(CONNECTIONS, int(load.count * scale / one.slowness) // CONNECTIONS * CONNECTIONS)
    payload = request(one.paths[load.kind], _addressed(load, one))
    before, begin = one.cpu_s(), time.perf_counter()
    asyncio.run(send(payload, one.port, count, CONNECTIONS))
    seconds = time.perf_counter() - begin
    return (one.cpu_s() - before) * 1e6 / count, count / seconds


def _addressed(load: Load, one: Contender) -> dict[str, object]:
    """LiteLLM wants the model's name; MLflow's gateway refuses it."""
    return load.body if one.name == "MLflow gateway" else {"model": "mock", **load.body}


def costs(contenders: list[Contender], load: Load, rounds: int) -> dict[str, float]:
    """CPU microseconds per request, by contender: the median of the turns."""
    turns: dict[str, list[float]] = {one.name: [] for one in contenders}
    for one in contenders:
        turn(one, load, 0.25)
    for number in range(rounds):
        for one in contenders:
            if one.slowness == 1 or number < max(1, rounds // 3):
                turns[one.name].append(turn(one, load)[0])
    return {name: statistics.median(values) for name, values in turns.items()}


def latencies(contenders: list[Contender], upstream: int, rounds: int) -> dict[str, list[float]]:
    """Added microseconds at one connection, p50 and p99, against asking the upstream itself."""
    load = LOADS[0]
    seen: dict[str, list[float]] = {}
    direct = Contender("upstream", upstream, 0, peers.SAME)
    for _ in range(rounds):
        for one in (direct, *contenders):
            payload = request(one.paths[load.kind], _addressed(load, one))
            count = 1000 // one.slowness
            seen.setdefault(one.name, []).extend(asyncio.run(send(payload, one.port, count, 1)))
    points = {name: _points(values) for name, values in seen.items()}
    floor = points.pop("upstream")
    return {
        name: [a - b for a, b in zip(each, floor, strict=True)] for name, each in points.items()
    }


def _points(values: list[float]) -> list[float]:
    values.sort()
    return [values[len(values) // 2] * 1e6, values[len(values) * 99 // 100] * 1e6]


def table(title: str, rows: dict[str, dict[str, float]], digits: int = 0) -> None:
    """Print a table with a ratio to nginx behind each value."""
    names = list(next(iter(rows.values())))
    print(f"\n| {title} | " + " | ".join(names) + " |")
    print("| --- |" + " ---: |" * len(names), flush=True)
    for name, values in rows.items():
        floor = values.get("nginx")
        cells = [
            f"{value:.{digits}f}" + (f" ({value / floor:.2f})" if floor else "")
            for value in values.values()
        ]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def throughput(upstream: int, data: Path, rounds: int) -> None:
    """Requests per second with one gateway process and with two, the client on the same cores."""
    rows: dict[str, dict[str, float]] = {}
    for count in (1, 2):
        with lakeserve(upstream, data, count) as ours, peers.nginx(upstream, count) as floor:
            contenders = [ours[0], *([floor] if floor else [])]
            found: dict[str, list[float]] = {one.name: [] for one in contenders}
            for _ in range(rounds):
                for one in contenders:
                    found[one.name].append(turn(one, LOADS[0])[1])
        name = f"{count} process" + ("es" if count > 1 else "")
        rows[name] = {name: statistics.median(values) for name, values in found.items()}
    table("chat requests per second", rows)


def soak(one: Contender, total: int) -> None:
    """Send very many requests and watch the memory."""
    load = LOADS[0]
    payload = request(one.paths[load.kind], load.body)
    print(f"\n| requests | {one.name}: memory of its own in MB |\n| ---: | ---: |", flush=True)
    step = max(1, total // 10)
    asyncio.run(send(payload, one.port, step, CONNECTIONS))  # what grows at first and then stays
    print(f"| {step} (warm) | {one.private_mb():.2f} |", flush=True)
    for done in range(step, total + 1, step):
        asyncio.run(send(payload, one.port, step, CONNECTIONS))
        print(f"| {done} | {one.private_mb():.2f} |", flush=True)


@contextlib.contextmanager
def apart(contenders: list[Contender], upstream_pid: int) -> Iterator[None]:
    """Give gateways one processor to themselves, and client and upstream the others.

    Left to the scheduler, a gateway that shares its processor with them by chance finds its caches
    cold each time: the same program then takes up to twice its time, for whole turns.
    """
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    everywhere = os.sched_getaffinity(0)
    one = {min(everywhere)}
    for contender in contenders:
        for process in contender.processes():
            os.sched_setaffinity(process.pid, one)
    for pid in (0, upstream_pid):
        os.sched_setaffinity(pid, everywhere - one)
    yield
    for pid in (0, upstream_pid):
        os.sched_setaffinity(pid, everywhere)


def compare(contenders: list[Contender], upstream: int, rounds: int) -> None:
    """CPU, latency, start and memory of everybody."""
    idle = {one.name: one.memory_mb() for one in contenders}
    rows = {load.name: costs(contenders, load, rounds) for load in LOADS}
    table("CPU microseconds per request (x nginx)", rows)
    added = latencies(contenders, upstream, rounds)
    points = {
        name: {who: values[number] for who, values in added.items()}
        for number, name in enumerate(("p50", "p99"))
    }
    table("added microseconds of latency, one connection", points)
    table("start in seconds", {"": {one.name: one.start_s for one in contenders}}, 2)
    loaded = {one.name: one.memory_mb() for one in contenders}
    table("memory in MB (PSS)", {"idle": idle, "after load": loaded}, 1)


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers/bin"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only-nginx", action="store_true")
    parser.add_argument("--wheel", type=Path, help="of lakeserve, compiled; measured beside")
    parser.add_argument("--soak", type=int, metavar="REQUESTS")
    parser.add_argument("--streams", type=int, metavar="COUNT")
    given = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    upstream = free_port()
    mock = (sys.executable, "-m", "benchmarks.gateway.mock_upstream", str(upstream))
    with contextlib.ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream_pid, _ = stack.enter_context(started(upstream, *mock, quiet=True))
        stack.enter_context(_books(*PROGRAM, str(data), "--books"))
        if given.streams is not None:
            (ours,) = stack.enter_context(lakeserve(upstream, data))
            asyncio.run(slow_streams(ours, upstream, given.streams))
            return
        if given.soak is not None:
            (ours,) = stack.enter_context(lakeserve(upstream, data))
            soak(ours, given.soak)
            return
        with contextlib.ExitStack() as inner:
            contenders = [*inner.enter_context(lakeserve(upstream, data))]
            if given.wheel is not None:
                compiled = lakeserve(upstream, data, wheel=given.wheel)
                contenders += inner.enter_context(compiled)
            others = [peers.nginx(upstream)]
            if not given.only_nginx:
                others += [
                    peers.haproxy(upstream),
                    peers.mlflow(upstream, given.peers.absolute()),
                    peers.litellm(upstream, given.peers.absolute()),
                ]
            found = [inner.enter_context(each) for each in others]
            contenders += [each for each in found if each is not None]
            with apart(contenders, upstream_pid):
                compare(contenders, upstream, given.rounds)
        throughput(upstream, data, given.rounds)


@contextlib.contextmanager
def _books(*command: str) -> Iterator[None]:
    """The loop that moves journals into tables, and what it costs."""
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
