import asyncio
from pathlib import Path

import pytest
from lakeserve.core.errors import EngineError
from lakeserve.workers.fake import FakeRunner
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.protocols import Pulse, Runner, WorkerSpec


@pytest.fixture
def spec(tmp_path: Path) -> WorkerSpec:
    return WorkerSpec(
        entity_id="ab" * 16,
        model_name="m",
        program=LlamaProgram(tmp_path / "m.gguf", "m", "chat"),
        start_timeout_s=0.05,
        socket_dir=tmp_path,
        log_path=tmp_path / "m.log",
    )


async def test_a_fake_worker_lives_as_the_test_says(spec: WorkerSpec) -> None:
    fake = FakeRunner(auto_ready=False)
    runner: Runner = fake
    worker = await runner.start(spec)
    waiting = asyncio.ensure_future(worker.ready())
    fake.workers[0].become_ready()
    await waiting
    fake.workers[0].crash("it fell over")
    assert await worker.exited() == "it fell over"
    assert worker.pid is None


async def test_failures_of_a_fake(spec: WorkerSpec) -> None:
    fake = FakeRunner(auto_ready=False)
    with pytest.raises(EngineError, match=r"not ready after 0\.05 s"):
        await (await fake.start(spec)).ready()
    fake.crash_on_start = "no memory"
    with pytest.raises(EngineError, match="no memory"):
        await (await fake.start(spec)).ready()
    fake.refusal = "no such file"
    with pytest.raises(EngineError, match="no such file"):
        await fake.start(spec)


async def test_stops_are_remembered(spec: WorkerSpec) -> None:
    fake = FakeRunner()
    worker = await fake.start(spec)
    await worker.stop(3)
    await worker.stop(4)
    assert fake.workers[0].stops == [3, 4]
    assert "was stopped" in await worker.exited()


async def test_a_worker_says_what_it_is_told(spec: WorkerSpec) -> None:
    runner = FakeRunner()
    await runner.start(spec)
    (worker,) = runner.workers
    assert await worker.pulse(1) == Pulse()
    worker.says = None
    assert await worker.pulse(1) is None
    assert worker.probes == 2
