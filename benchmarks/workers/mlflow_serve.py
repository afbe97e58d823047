"""The worker of a custom model against ``mlflow models serve``, with the same trivial pyfunc.

Run as ``python benchmarks/workers/mlflow_serve.py --peer PYTHON``. The peer runs as MLflow
installs it. The worker runs in the environment that the platform builds for the model: the same
MLflow, beside uvloop, httptools and orjson. Both get the same bounded number of requests in
interleaved turns; CPU time and memory are those of all their processes. A third server is the
worker with batches, which predicts the requests of its callers together.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import psutil
from lakeserve.core.endpoints import Address
from lakeserve.settings import MlflowSettings
from lakeserve.workers.batching import Batching
from lakeserve.workers.environments import Environments
from lakeserve.workers.mlflow_models import read_model
from lakeserve.workers.mlflow_program import MlflowProgram

ROUNDS = 3
REQUESTS = 2000
CLIENTS = (1, 8)
START_LIMIT_S = 300
BODY = orjson.dumps({"dataframe_split": {"columns": ["x"], "data": [[1.0], [2.0]]}})
WANTED = {"CPU per request": 0.45, "start-up": 0.55, "memory": 0.5, "p99 at 8 clients": 1.0}

SAVE = """
import sys, mlflow
class Double(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["x"] * 2
mlflow.pyfunc.save_model(
    sys.argv[1], python_model=Double(), pip_requirements=[f"mlflow=={mlflow.__version__}"]
)
"""


@dataclass
class Server:
    """A server that is measured.

    Attributes:
        clients: Numbers of clients that it is measured with.
        cpu_ms: CPU time per request, one value a turn.
        p99_ms: By number of clients.
        start_s: Seconds until it answered, one value a start.
    """

    name: str
    command: Sequence[str]
    address: Address
    variables: dict[str, str] = field(default_factory=dict)
    clients: Sequence[int] = CLIENTS
    cpu_ms: dict[int, list[float]] = field(default_factory=dict)
    p99_ms: dict[int, list[float]] = field(default_factory=dict)
    start_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to it."""
        if self.address.uds is not None:
            return await asyncio.open_unix_connection(self.address.uds)
        return await asyncio.open_connection(self.address.host, self.address.port)


@contextlib.contextmanager
def running(server: Server, folder: Path) -> Iterator[psutil.Process]:
    """The server's first process, once it answers."""
    began = time.perf_counter()
    with (folder / f"{server.name}.log").open("ab") as log:
        process = subprocess.Popen(
            server.command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, **server.variables},
            start_new_session=True,
            cwd=folder,
        )
    try:
        asyncio.run(_ready(server, process))
        server.start_s.append(time.perf_counter() - began)
        yield psutil.Process(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _ready(server: Server, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await server.connect()
            status = await _ask(reader, writer, b"GET", b"/health", b"")
            writer.close()
            if status == 200:
                return
        await asyncio.sleep(0.02)
    raise SystemExit(f"{server.name} does not start; see its log")


async def _ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    method: bytes,
    path: bytes,
    body: bytes,
) -> int:
    head = (
        b"%b %b HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    )
    writer.write(head % (method, path, len(body)) + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    for line in answer.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
    return int(answer.split(b" ", 2)[1])


async def load(server: Server, clients: int, requests: int) -> list[float]:
    """Seconds that each request took, sorted."""
    left, took = requests, list[float]()

    async def client() -> None:
        nonlocal left
        reader, writer = await server.connect()
        while left > 0:
            left -= 1
            began = time.perf_counter()
            try:
                status = await _ask(reader, writer, b"POST", b"/invocations", BODY)
            except asyncio.IncompleteReadError:
                raise SystemExit(f"{server.name} closed a connection") from None
            took.append(time.perf_counter() - began)
            if status != 200:
                raise SystemExit(f"{server.name} answered with {status}")
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return sorted(took)


def measure(server: Server, root: psutil.Process) -> None:
    """One turn: every number of clients."""
    for clients in server.clients:
        asyncio.run(load(server, clients, 100))
        before = _cpu_s(root)
        took = asyncio.run(load(server, clients, REQUESTS))
        spent = _cpu_s(root) - before
        server.cpu_ms.setdefault(clients, []).append(1000 * spent / REQUESTS)
        server.p99_ms.setdefault(clients, []).append(1000 * took[int(0.99 * len(took))])
    server.memory_mb.append(
        sum(each.memory_info().rss for each in (root, *root.children(recursive=True))) / 2**20
    )


def _cpu_s(root: psutil.Process) -> float:
    times = [each.cpu_times() for each in (root, *root.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def servers(peer: str, folder: Path) -> tuple[Server, Server, Server]:
    """The worker, its peer, and the worker with batches, for the same model."""
    model = folder / "model"
    subprocess.run([peer, "-c", SAVE, model], check=True, cwd=folder, capture_output=True)
    environments = Environments(folder / "environments", MlflowSettings())
    described = read_model(model)
    python = asyncio.run(environments.interpreter(described, print))
    address = Address(uds=str(folder / "s"))
    program = MlflowProgram(python, model, concurrency=8, queue=256, memory_mb=8192)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mlflow = [peer, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    batched = replace(program, batching=Batching(64, max_wait_ms=1))
    variables = dict(program.environment())
    return (
        Server("lakeserve", program.command(address), address, variables),
        Server(
            "mlflow",
            [*mlflow, "--model-uri", str(model), "--port", str(port)],
            Address(host="127.0.0.1", port=port),
            # MLflow looks for uvicorn there.
            {"PATH": f"{Path(peer).parent}:{os.environ['PATH']}"},
        ),
        Server("batches", batched.command(address), address, variables, clients=CLIENTS[-1:]),
    )


def report(ours: Server, theirs: Server, batched: Server) -> None:
    """The ratios, with the values they come from."""

    def line(name: str, mine: Sequence[float], other: Sequence[float], unit: str) -> None:
        left, right = statistics.median(mine), statistics.median(other)
        wanted = f"  (wanted: {WANTED[name]:g})" if name in WANTED else ""
        print(f"{name:24} {left:9.2f} {right:9.2f} {unit:3} {left / right:6.2f}{wanted}")

    print(f"{'':24} {'lakeserve':>9} {'mlflow':>9}     ratio")
    everything = (
        [value for values in ours.cpu_ms.values() for value in values],
        [value for values in theirs.cpu_ms.values() for value in values],
    )
    line("CPU per request", *everything, "ms")
    for clients in CLIENTS:
        line(f"CPU, {clients} clients", ours.cpu_ms[clients], theirs.cpu_ms[clients], "ms")
        name = f"p99 at {clients} clients"
        line(name, ours.p99_ms[clients], theirs.p99_ms[clients], "ms")
    most = CLIENTS[-1]
    line(f"CPU, {most}, batches", batched.cpu_ms[most], theirs.cpu_ms[most], "ms")
    line(f"p99, {most}, batches", batched.p99_ms[most], theirs.p99_ms[most], "ms")
    line("start-up", ours.start_s, theirs.start_s, "s")
    line("memory", ours.memory_mb, theirs.memory_mb, "MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True, help="a Python that has MLflow")
    peer = str(Path(parser.parse_args().peer).absolute())
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    try:
        ours, theirs, batched = servers(peer, folder)
        for _ in range(ROUNDS):
            for server in (ours, theirs, batched):
                with running(server, folder) as root:
                    measure(server, root)
        report(ours, theirs, batched)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
