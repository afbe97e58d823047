"""Processes under measurement: what they use, and how they are started and stopped."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
START_S = 120.0


@dataclass(frozen=True)
class Contender:
    """A gateway under measurement.

    Attributes:
        paths: By kind of request.
        slowness: By how much fewer requests it gets than the others in one turn.
        start_s: From its command to its first answer.
    """

    name: str
    port: int
    pid: int
    paths: Mapping[str, str]
    slowness: int = 1
    start_s: float = 0.0

    def processes(self) -> list[psutil.Process]:
        """Itself and its children."""
        process = psutil.Process(self.pid)
        return [process, *process.children(recursive=True)]

    def cpu_s(self) -> float:
        """CPU time, user and system, of all its processes since they started."""
        return sum(_cpu_ns(process.pid) for process in self.processes()) / 1e9

    def memory_mb(self) -> float:
        """Memory, with what is shared counted in parts."""
        return sum(float(process.memory_full_info().pss) for process in self.processes()) / 1e6

    def private_mb(self) -> float:
        """Memory that is its own; what others share or no longer share does not move it."""
        return sum(float(process.memory_full_info().uss) for process in self.processes()) / 1e6


def _cpu_ns(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait until somebody listens.

    Raises:
        RuntimeError: The process ended, or it took too long.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


@contextlib.contextmanager
def started(
    port: int, *command: str, quiet: bool = False, **environment: str
) -> Iterator[tuple[int, float]]:
    """A process that listens on a port: its id, and the seconds until it did."""
    begin = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.DEVNULL if quiet else None,
    )
    try:
        await_port(port, process)
        yield process.pid, time.monotonic() - begin
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in psutil.Process(process.pid).children(recursive=True):
                one.terminate()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
