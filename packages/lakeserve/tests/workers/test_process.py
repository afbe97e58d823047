"""Worker processes: how they start, end and fail."""

import asyncio
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from lakeserve.core.errors import EngineError
from lakeserve.workers.confinement import Confinement
from lakeserve.workers.landlock import WHOLE_ABI, abi
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.process import ProcessRunner, last_lines
from lakeserve.workers.protocols import Worker, WorkerSpec
from lakeserve_demo_model import model_path
from workers.unix_http import send
from workers.waiting import until


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def with_model(spec: WorkerSpec, path: Path) -> WorkerSpec:
    return replace(spec, program=LlamaProgram(path, "m", "chat"))


async def started(spec: WorkerSpec) -> tuple[Worker, int, str]:
    worker = await ProcessRunner().start(spec)
    await worker.ready()
    assert worker.pid is not None
    assert worker.address.uds is not None
    return worker, worker.pid, worker.address.uds


async def test_a_worker_starts_answers_and_stops(demo_spec: WorkerSpec) -> None:
    worker, pid, uds = await started(demo_spec)
    status, health = send(uds, "/health", None)
    assert (status, b'"status":"ready"' in health) == (200, True)
    pulse = await worker.pulse(5)
    assert pulse is not None
    assert pulse.active == 0
    assert os.stat(demo_spec.socket_dir).st_mode & 0o077 == 0
    assert os.stat(uds).st_mode & 0o077 == 0
    assert not [c for c in psutil.Process(pid).net_connections("inet") if c.status == "LISTEN"]
    await worker.stop(10)
    await worker.stop(10)
    assert not alive(pid)
    assert await worker.exited() == f"worker {demo_spec.model_name!r} was stopped"
    assert list(demo_spec.socket_dir.iterdir()) == []


async def test_sigterm_lets_a_call_finish(demo_spec: WorkerSpec) -> None:
    worker, _, uds = await started(demo_spec)
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 300}
    call = asyncio.ensure_future(asyncio.to_thread(send, uds, "/v1/chat/completions", body))
    await asyncio.sleep(0.02)
    await worker.stop(30)
    status, _ = await call
    assert status == 200


async def test_ctrl_c_is_left_to_the_parent(demo_spec: WorkerSpec) -> None:
    worker, pid, uds = await started(demo_spec)
    os.kill(pid, signal.SIGINT)
    await asyncio.sleep(0.1)
    assert send(uds, "/health", None)[0] == 200
    await worker.stop(10)


async def test_a_crash_is_reported_with_its_signal(demo_spec: WorkerSpec) -> None:
    worker, pid, _ = await started(demo_spec)
    os.kill(pid, signal.SIGKILL)
    assert "ended with signal SIGKILL" in await worker.exited()
    assert list(demo_spec.socket_dir.iterdir()) == []


async def test_a_worker_that_does_not_react_is_killed(demo_spec: WorkerSpec) -> None:
    worker, pid, _ = await started(demo_spec)
    os.kill(pid, signal.SIGSTOP)
    await worker.stop(0.2)
    assert not alive(pid)


async def test_a_missing_file_is_the_reason(demo_spec: WorkerSpec) -> None:
    worker = await ProcessRunner().start(with_model(demo_spec, Path("/none.gguf")))
    with pytest.raises(EngineError, match=r"exit code 1: cannot read the model file '/none\.gguf'"):
        await worker.ready()


async def test_a_damaged_file_is_the_reason(demo_spec: WorkerSpec) -> None:
    damaged = demo_spec.socket_dir.parent / "damaged.gguf"
    data = model_path().read_bytes()
    damaged.write_bytes(data[: len(data) // 2])
    worker = await ProcessRunner().start(with_model(demo_spec, damaged))
    with pytest.raises(EngineError, match="the file is incomplete, its architecture 'llama'"):
        await worker.ready()


async def test_a_start_that_takes_too_long(demo_spec: WorkerSpec) -> None:
    worker = await ProcessRunner().start(replace(demo_spec, start_timeout_s=0.01))
    with pytest.raises(EngineError, match=r"was not ready after 0\.01 s"):
        await worker.ready()
    await worker.stop(5)


async def test_a_long_data_directory_gets_sockets_elsewhere(demo_spec: WorkerSpec) -> None:
    far = demo_spec.socket_dir / ("x" * 120)
    worker, pid, uds = await started(replace(demo_spec, socket_dir=far))
    folder = Path(uds).parent
    assert len(uds) < 104
    assert folder.stat().st_mode & 0o077 == 0
    assert alive(pid)
    await worker.stop(10)
    assert not folder.exists()


needs_landlock = pytest.mark.skipif(abi() < WHOLE_ABI, reason="this kernel's Landlock is not whole")


def confined(spec: WorkerSpec) -> WorkerSpec:
    return replace(
        spec,
        work_dir=spec.socket_dir.parent / "work",
        confinement=Confinement((model_path(),), isolation="required"),
    )


@needs_landlock
async def test_a_confined_worker_answers_and_leaves_nothing(demo_spec: WorkerSpec) -> None:
    worker, pid, uds = await started(confined(demo_spec))
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    assert send(uds, "/v1/chat/completions", body)[0] == 200
    variables = psutil.Process(pid).environ()
    assert variables["TMPDIR"] == f"{variables['HOME']}/tmp"
    assert Path(uds).parent.parent == demo_spec.socket_dir
    await worker.stop(10)
    assert list(demo_spec.socket_dir.iterdir()) == []


@needs_landlock
async def test_a_confined_worker_reaches_no_other_model(demo_spec: WorkerSpec) -> None:
    other = demo_spec.socket_dir.parent / "other.gguf"
    other.write_bytes(model_path().read_bytes())
    worker = await ProcessRunner().start(with_model(confined(demo_spec), other))
    with pytest.raises(EngineError, match="Permission denied"):
        await worker.ready()


@needs_landlock
async def test_a_socket_directory_of_a_killed_platform_is_removed(demo_spec: WorkerSpec) -> None:
    left = demo_spec.socket_dir / "left"
    left.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left / "w.sock"))
    worker, _, _ = await started(confined(demo_spec))
    assert not left.exists()
    await worker.stop(10)


async def test_isolation_that_is_off(demo_spec: WorkerSpec) -> None:
    free = replace(confined(demo_spec), confinement=Confinement(isolation="off"))
    worker, pid, uds = await started(free)
    assert "lakeserve.workers.serve" in psutil.Process(pid).cmdline()
    assert Path(uds).parent == demo_spec.socket_dir
    await worker.stop(10)


async def test_the_log_of_the_start_before_is_kept(demo_spec: WorkerSpec) -> None:
    demo_spec.log_path.write_text("before")
    worker = await ProcessRunner().start(with_model(demo_spec, Path("/none.gguf")))
    await worker.exited()
    assert demo_spec.log_path.with_name("worker.log.1").read_text() == "before"
    assert "cannot read" in demo_spec.log_path.read_text()


async def test_sockets_of_a_killed_platform_are_removed(demo_spec: WorkerSpec) -> None:
    demo_spec.socket_dir.mkdir()
    dead, live = demo_spec.socket_dir / "dead.sock", demo_spec.socket_dir / "live.sock"
    with socket.socket(socket.AF_UNIX) as left, socket.socket(socket.AF_UNIX) as listening:
        left.bind(str(dead))
        listening.bind(str(live))
        listening.listen()
        left.close()
        worker, _, _ = await started(demo_spec)
        assert not dead.exists()
        assert live.exists()
        await worker.stop(10)


PARENT = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import WorkerSpec

async def main():
    model, folder, wait = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "ready"
    worker = await ProcessRunner().start(WorkerSpec(
        "ab" * 16, "m", LlamaProgram(model, "m", "chat"), 30.0, folder / "s", folder / "worker.log"
    ))
    if wait:
        await worker.ready()
    print(worker.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["loading", "ready"])
async def test_a_killed_parent_leaves_no_worker(demo_spec: WorkerSpec, moment: str) -> None:
    folder = demo_spec.socket_dir.parent
    command = [sys.executable, "-c", PARENT, str(model_path()), str(folder), moment]
    parent = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(pid))


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert last_lines(log, 3) == ""
    log.write_text("\n".join(f"line {at}" for at in range(2000)) + "\n\n")
    assert last_lines(log, 2) == "line 1998\nline 1999"
    log.write_text("noise\nlakeserve worker: no memory\n")
    assert last_lines(log, 2) == "no memory"
