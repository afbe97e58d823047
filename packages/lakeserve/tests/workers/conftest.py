"""Real workers, started once for all tests that only ask them things."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.models import ModelFile, resolve
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import Worker, WorkerSpec
from workers.unix_http import send


@dataclass(frozen=True)
class RunningWorker:
    """A worker process that answers."""

    socket: str
    pid: int
    log: Path

    def post(self, target: str, **body: Any) -> tuple[int, Any]:
        status, data = send(self.socket, target, body)
        return status, orjson.loads(data)

    def stream(self, target: str, **body: Any) -> list[Any]:
        """The events of a stream; ``[DONE]`` stays a string."""
        status, data = send(self.socket, target, {**body, "stream": True})
        assert status == 200, data
        lines = data.split(b"\n\n")
        assert lines[-2:] == [b"data: [DONE]", b""]
        return [*(orjson.loads(line.removeprefix(b"data: ")) for line in lines[:-2]), "[DONE]"]

    def cpu_s(self) -> float:
        """Processor time that the worker has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def spec_of(model: ModelFile, folder: Path) -> WorkerSpec:
    return WorkerSpec(
        entity_id="0123456789abcdef" * 2,
        model_name=model.name,
        program=LlamaProgram(model.path, model.name, model.kind, slots=2),
        start_timeout_s=60,
        socket_dir=folder / "sockets",
        log_path=folder / "worker.log",
    )


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wk") as folder:  # socket paths must be short
        yield Path(folder)


def running(reference: str, data_dir: Path) -> Iterator[RunningWorker]:
    async def start() -> tuple[Worker, WorkerSpec]:
        model = await resolve(reference, data_dir)
        spec = replace(spec_of(model, data_dir), log_path=data_dir / f"{reference}.log")
        worker = await ProcessRunner().start(spec)
        await worker.ready()
        return worker, spec

    loop = asyncio.new_event_loop()
    try:
        worker, spec = loop.run_until_complete(start())
        assert worker.pid is not None
        assert worker.address.uds is not None
        yield RunningWorker(worker.address.uds, worker.pid, spec.log_path)
        loop.run_until_complete(worker.stop(10))
    finally:
        loop.close()


@pytest.fixture(scope="session")
def chat_worker(data_dir: Path) -> Iterator[RunningWorker]:
    """The demo model."""
    yield from running("demo", data_dir)


@pytest.fixture(scope="session")
def embedding_worker(data_dir: Path) -> Iterator[RunningWorker]:
    """all-MiniLM-L6-v2, converted for the occasion."""
    yield from running("minilm", data_dir)


@pytest.fixture
async def demo_spec() -> AsyncIterator[WorkerSpec]:
    """How to start a demo worker of one's own."""
    with tempfile.TemporaryDirectory(prefix="wk") as folder:
        yield spec_of(await resolve("demo", Path(folder)), Path(folder))
