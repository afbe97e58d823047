import asyncio
import sys
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import Pulse, WorkerSpec
from lakeserve.workers.server_command import MetricsProber, ServerCommand, sums

PAGE = """
# TYPE running gauge
running{engine="0",note="a b"} 2.0
running{engine="1"} 1
done_total 7 1700000000
odd{
strange NaNs
"""


def test_places_are_filled_and_other_braces_stay() -> None:
    program = ServerCommand(("srv", "--port={port}", '--json={"a": 1}', "{name}", "{host}"), "m")
    command = program.command(Address(host="127.0.0.1", port=81))
    assert command[3:] == ["srv", "--port=81", '--json={"a": 1}', "m", "127.0.0.1"]
    assert program.listens == "port"
    assert ServerCommand(("srv", "{socket}"), "m").listens == "socket"


def test_metrics_are_added_up() -> None:
    assert sums(PAGE) == {"running": 3.0, "done_total": 7.0}


class Metrics:
    """A server whose metrics page a test writes."""

    def __init__(self) -> None:
        self.page: str | None = "running 0\ndone_total 0\n"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        page = "" if b" /well " in head else self.page
        status = b"HTTP/1.1 404 X\r\n\r\n" if page is None else b"HTTP/1.1 200 OK\r\n\r\n"
        writer.write(status + (page or "").encode())
        writer.close()


async def test_idleness_comes_from_the_metrics(tmp_path: Path) -> None:
    metrics, now = Metrics(), [0.0]
    server = await asyncio.start_unix_server(metrics.serve, tmp_path / "s")
    address = Address(uds=str(tmp_path / "s"))
    prober = MetricsProber("/well", ("running",), ("done_total",), lambda: now[0])
    async with server:
        assert await prober(address, 5) == Pulse(0, 0.0)
        now[0] = 10.0
        assert await prober(address, 5) == Pulse(0, 10.0)
        metrics.page = "running 2\ndone_total 0\n"
        assert await prober(address, 5) == Pulse(2, 0.0)
        # A call that began and ended between two looks counts as well.
        now[0], metrics.page = 30.0, "running 0\ndone_total 5\n"
        assert await prober(address, 5) == Pulse(0, 0.0)
        now[0] = 34.0
        assert await prober(address, 5) == Pulse(0, 4.0)
        metrics.page = None
        assert await prober(address, 5) == Pulse()
        without = MetricsProber("/well", (), ())
        assert await without(address, 5) == Pulse()


@pytest.mark.parametrize("fails", [False, True])
async def test_any_server_on_a_port(data_dir: Path, fails: bool) -> None:
    words = (sys.executable, "-m", "http.server", "{port}", "--bind", "{host}")
    program = ServerCommand((*words, "--no") if fails else words, "m", health_path="/")
    spec = WorkerSpec("ef" * 16, "m", program, 60, data_dir / "p", data_dir / "server.log")
    worker = await ProcessRunner().start(spec)
    if fails:
        assert "exit code 2" in await worker.exited()
        return
    await worker.ready()
    assert (worker.address.host, worker.address.uds) == ("127.0.0.1", None)
    assert await worker.pulse(5) == Pulse()
    await worker.stop(5)
