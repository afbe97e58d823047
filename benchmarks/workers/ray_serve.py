"""Replicas as the platform has them on Ray, plain actors, against Ray Serve behind its proxies.

Run as ``python benchmarks/workers/ray_serve.py`` by a Python that has lakeserve and ``ray[serve]``
(``make peers`` makes ``.venv-ray-serve``). Every turn has a Ray of its own on this machine, on the
loopback address, with two replicas of a model that answers a few bytes; the kinds take turns. CPU
time is that of all processes of that Ray, without what it takes when nobody calls and without the
load's own. Ray Serve runs by its Python proxy and by HAProxy, which needs ports 8404 and 9101.
"""

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import psutil

KINDS = ("actors", "serve", "haproxy")
ROUNDS = 2
CLIENTS = (1, 8, 32)
REPLICAS = 2
LOAD_S = 5.0
IDLE_S = 5.0
LIMIT_S = 180.0
TURN_LIMIT_S = 420.0
# On a busy machine Ray's own processes sometimes do not start within its deadline.
ATTEMPTS = 3
MARK = "LAKESERVE_BENCHMARK_TURN"
CPUS = 4
ECHO = Path(__file__).with_name("echo_server.py")


class Replicas(ABC):
    """Two replicas that answer."""

    @abstractmethod
    async def start(self, address: str, folder: Path) -> None:
        """Join the Ray at an address and begin to have them there."""

    @abstractmethod
    def addresses(self) -> Sequence[tuple[str, int]]:
        """Where they are reached now."""

    @abstractmethod
    def victim(self, pid: int) -> psutil.Process:
        """The process of Ray that has to die, for the replica that answers as process ``pid``."""


class Actors(Replicas):
    """Plain actors, by the platform's own runner and supervision."""

    async def start(self, address: str, folder: Path) -> None:
        """See ``Replicas``."""
        from lakeserve.core.endpoints import LocalModel, ServedEntity
        from lakeserve.reconcile.entity import LocalEntity
        from lakeserve.reconcile.heartbeat import USUAL_HEARTBEAT
        from lakeserve.reconcile.launch import numbered
        from lakeserve.reconcile.pace import USUAL_PACE
        from lakeserve.workers.protocols import Worker, WorkerSpec
        from lakeserve.workers.ray_cluster import RayCluster
        from lakeserve.workers.ray_runner import RayRunner
        from lakeserve.workers.server_command import ServerCommand

        cluster = RayCluster(address, "benchmark")
        await cluster.connect()
        runner = RayRunner(cluster)
        words = (sys.executable, str(ECHO), "--listen", "{host}:{port}")
        program = ServerCommand(words, "echo")
        spec = WorkerSpec("echo" * 8, "echo", program, LIMIT_S, folder / "s", folder / "echo.log")

        async def launch(number: int) -> Worker:
            return await runner.start(numbered(spec, number))

        entity = ServedEntity("echo" * 8, "echo", LocalModel("echo"), "echo", "Echo.")
        self._entity = LocalEntity(
            entity, launch, USUAL_PACE, lambda: None, _listens, USUAL_HEARTBEAT, REPLICAS
        )
        self._entity.start()

    def addresses(self) -> Sequence[tuple[str, int]]:
        """See ``Replicas``."""
        return [(each.host, each.port) for each in self._entity.addresses]

    def victim(self, pid: int) -> psutil.Process:
        """The actor: the program's keeper is its child, the program its grandchild."""
        keeper = psutil.Process(pid).parent()
        actor = None if keeper is None else keeper.parent()
        assert actor is not None
        return actor


async def _listens(_address: object) -> bool:
    return True


class Serve(Replicas):
    """An application of Ray Serve behind its proxy."""

    async def start(self, address: str, folder: Path) -> None:
        """See ``Replicas``."""
        self._port = _free_port()
        await asyncio.to_thread(self._run, address)

    def _run(self, address: str) -> None:
        import ray
        from ray import serve

        class Echo:
            async def __call__(self, request: Any) -> dict[str, Any]:
                asked = await request.json()
                return {"pid": os.getpid(), "asked": asked["n"]}

        quiet = {"enable_access_log": False, "log_level": "WARNING"}
        deployment: Any = serve.deployment(
            num_replicas=REPLICAS,
            max_ongoing_requests=100,
            ray_actor_options={"num_cpus": 1},
            logging_config=quiet,
        )(Echo)
        ray.init(address=address, log_to_driver=False, configure_logging=False)
        serve.start(http_options={"host": "127.0.0.1", "port": self._port}, logging_config=quiet)
        serve.run(deployment.bind(), route_prefix="/")

    def addresses(self) -> Sequence[tuple[str, int]]:
        """See ``Replicas``."""
        return [("127.0.0.1", self._port)]

    def victim(self, pid: int) -> psutil.Process:
        """See ``Replicas``; the actor answers itself."""
        return psutil.Process(pid)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """The process that has answered."""
    body = b'{"n":1}'
    writer.write(
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if int(head.split(b" ", 2)[1]) != 200:
        raise ConnectionError(head.decode("latin-1").partition("\r\n")[0])
    return int(orjson.loads(await _body(reader, head.lower()))["pid"])


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """A body of known length, or in chunks, as Ray Serve sends every one."""
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.split(b":")[1]))
    body = b""
    while length := int(await reader.readline(), 16):
        body += await reader.readexactly(length)
        await reader.readline()
    await reader.readline()
    return body


async def _pids(replicas: Replicas) -> set[int]:
    """The processes that answer now, as far as a few calls find them."""
    found = set()
    for place in (*replicas.addresses(),) * 2 * REPLICAS:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            reader, writer = await asyncio.open_connection(*place)
            try:
                found.add(await asyncio.wait_for(_ask(reader, writer), 10))
            finally:
                writer.close()
    return found


async def _until_both(replicas: Replicas, besides: set[int]) -> set[int]:
    """Wait until both answer, without some of before."""
    deadline = time.perf_counter() + LIMIT_S
    seen: set[int] = set()
    while time.perf_counter() < deadline:
        seen |= await _pids(replicas) - besides
        if len(seen) >= REPLICAS:
            return seen
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{len(seen)} of {REPLICAS} replicas answer after {LIMIT_S:g} s")


async def _load(replicas: Replicas, clients: int) -> list[float]:
    """Seconds that each request took."""
    took: list[float] = []
    over = time.perf_counter() + LOAD_S
    places = replicas.addresses()

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection(*places[number % len(places)])
        while (began := time.perf_counter()) < over:
            await _ask(reader, writer)
            took.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return took


def _processes(mark: str) -> list[psutil.Process]:
    """All that this turn has started, this process apart."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    spent = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def _memory_mb(processes: Sequence[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


def _ray() -> str:
    """Start a Ray of one node on this machine and tell its address; Ray wants the main thread."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": CPUS, "include_dashboard": False, "object_store_memory": 80_000_000}
    address: str = Cluster(initialize_head=True, head_node_args=node).address
    return address


async def turn(kind: str, address: str) -> dict[str, float]:
    """The figures of one turn on the Ray at an address."""
    mark = os.environ[MARK]
    replicas: Replicas = Actors() if kind == "actors" else Serve()
    figures = {}
    with tempfile.TemporaryDirectory(prefix="ls-") as folder:
        began = time.perf_counter()
        await replicas.start(address, Path(folder))
        pids = await _until_both(replicas, set())
        figures["ready, s"] = time.perf_counter() - began

        processes = _processes(mark)
        before = _cpu_s(processes)
        await asyncio.sleep(IDLE_S)
        idle = (_cpu_s(processes) - before) / IDLE_S
        figures["idle, % of a core"] = 100 * idle
        figures["memory, MB"] = _memory_mb(processes)
        for clients in CLIENTS:
            before, started = _cpu_s(processes), time.perf_counter()
            took = await _load(replicas, clients)
            wall = time.perf_counter() - started
            spent = _cpu_s(processes) - before - idle * wall
            figures[f"CPU per request, {clients} clients, ms"] = 1000 * spent / len(took)
            figures[f"p50, {clients} clients, ms"] = 1000 * statistics.median(took)
            figures[f"requests per second, {clients} clients"] = len(took) / wall

        killed = min(pids)
        replicas.victim(killed).kill()
        began = time.perf_counter()
        await _until_both(replicas, {killed})
        figures["both again after a SIGKILL, s"] = time.perf_counter() - began
    return figures


def _run_turn(kind: str) -> dict[str, float] | str:
    """The figures of a turn in processes of its own, or how it failed."""
    mark = secrets.token_hex(8)
    environment = {
        **os.environ,
        MARK: mark,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "120",
        # What Ray's documentation advises for many small requests.
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_ENABLE_HA_PROXY": "1" if kind == "haproxy" else "0",
    }
    process = subprocess.Popen(
        [sys.executable, __file__, "--turn", kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        out, errors = process.communicate(timeout=TURN_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, errors = process.communicate()
        errors += f"\nnot at its end after {TURN_LIMIT_S:g} s"
    finally:
        for left in _processes(mark):
            with contextlib.suppress(psutil.Error):
                left.kill()
    for line in out.splitlines():
        if line.startswith("{"):
            figures: dict[str, float] = json.loads(line)
            return figures
    return errors.strip()[-2000:]


def report(figures: dict[str, dict[str, list[float]]]) -> None:
    """Medians, and how many times ours each is."""
    print(f"{'':38}" + "".join(f"{kind:>20}" for kind in KINDS))
    for name, ours in figures["actors"].items():
        base = statistics.median(ours)
        cells = []
        for kind in KINDS:
            values = figures[kind].get(name)
            if not values:
                cells.append(f"{'-':>20}")
                continue
            value = statistics.median(values)
            ratio = f" ({value / base:.1f})" if kind != "actors" and base else ""
            cells.append(f"{f'{value:.2f}{ratio}':>20}")
        print(f"{name:38}" + "".join(cells))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turn", choices=KINDS, help="take one turn and print its figures")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    if arguments.turn is not None:
        print(json.dumps(asyncio.run(turn(arguments.turn, _ray()))), flush=True)
        os._exit(0)  # whoever has started this turn ends what is left of it
    figures: dict[str, dict[str, list[float]]] = {kind: {} for kind in KINDS}
    for _ in range(arguments.rounds):
        for kind in KINDS:
            for _ in range(ATTEMPTS):
                found = _run_turn(kind)
                if not isinstance(found, str):
                    break
                print(f"{kind}: failed: {found}", flush=True)
            if isinstance(found, str):
                continue
            for name, value in found.items():
                figures[kind].setdefault(name, []).append(value)
            print(kind, json.dumps({name: round(value, 2) for name, value in found.items()}))
    report(figures)


if __name__ == "__main__":
    main()
