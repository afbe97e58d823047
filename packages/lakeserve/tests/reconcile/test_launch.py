import asyncio
from pathlib import Path

import pytest
from lakeserve.core.endpoints import LocalModel, LocalServer, Scale, ServedEntity, Task
from lakeserve.core.errors import EngineError
from lakeserve.reconcile.launch import Launcher
from lakeserve.settings import Settings
from lakeserve.workers.fake import FakeRunner
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.models import ModelFile
from lakeserve.workers.protocols import ModelKind
from lakeserve.workers.server_command import ServerCommand

ENTITY = ServedEntity("1" * 32, "databricks-x", LocalModel("demo"), "m", "M.")
DEMO = LocalModel("demo")


async def test_a_worker_gets_what_the_settings_say(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "engine": {
                "threads": 3,
                "slots": 2,
                "context_tokens": 512,
                "start_timeout_s": 9,
                "queue": 7,
            },
        }
    )

    async def resolve(reference: str, data_dir: Path) -> ModelFile:
        return ModelFile(data_dir / f"{reference}.gguf", "chat", "name", "words")

    runner = FakeRunner()
    await Launcher(runner, settings, resolve).for_entity(ENTITY, DEMO, "llm/v1/chat")(0)
    (worker,) = runner.workers
    spec = worker.spec
    assert (spec.entity_id, spec.model_name) == ("1" * 32, "databricks-x")
    assert spec.program == LlamaProgram(
        tmp_path / "demo.gguf",
        "databricks-x",
        "chat",
        threads=3,
        slots=2,
        queue=7,
        context_tokens=512,
    )
    assert spec.start_timeout_s == 9
    assert spec.socket_dir == tmp_path / "sockets"
    assert spec.log_path == tmp_path / "logs" / "databricks-x.log"


async def test_replicas_share_the_concurrency(tmp_path: Path) -> None:
    async def resolve(reference: str, data_dir: Path) -> ModelFile:
        return ModelFile(data_dir, "chat", "name", "words")

    backend = LocalModel("demo", Scale(concurrency=10, replicas=3))
    runner = FakeRunner()
    launcher = Launcher(runner, Settings(data_dir=tmp_path), resolve)
    launch = launcher.for_entity(ENTITY, backend, "llm/v1/chat")
    await launch(0)
    await launch(2)
    programs = [worker.spec.program for worker in runner.workers]
    assert [isinstance(each, LlamaProgram) and each.slots for each in programs] == [4, 4]
    assert runner.workers[1].spec.log_path == tmp_path / "logs" / "databricks-x.2.log"


@pytest.mark.parametrize(
    ("task", "kind", "fits"),
    [
        ("llm/v1/chat", "chat", True),
        ("llm/v1/completions", "chat", True),
        ("llm/v1/embeddings", "embedding", True),
        ("llm/v1/embeddings", "chat", False),
        ("llm/v1/chat", "embedding", False),
    ],
)
async def test_a_model_must_fit_the_task(
    task: Task, kind: ModelKind, fits: bool, tmp_path: Path
) -> None:
    async def resolve(reference: str, data_dir: Path) -> ModelFile:
        return ModelFile(data_dir, kind, "name", "words")

    runner = FakeRunner()
    launch = Launcher(runner, Settings(data_dir=tmp_path), resolve).for_entity(ENTITY, DEMO, task)
    if fits:
        await launch(0)
        assert len(runner.workers) == 1
    else:
        with pytest.raises(EngineError, match=f"'demo' is a model of kind '{kind}'"):
            await launch(0)
        assert runner.workers == []


async def test_models_are_made_one_at_a_time(tmp_path: Path) -> None:
    running, most = 0, 0

    async def resolve(reference: str, data_dir: Path) -> ModelFile:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return ModelFile(data_dir, "chat", "name", "words")

    launcher = Launcher(FakeRunner(), Settings(data_dir=tmp_path), resolve)
    launch = launcher.for_entity(ENTITY, DEMO, "llm/v1/chat")
    await asyncio.gather(launch(0), launch(0), launch(0))
    assert most == 1


async def test_server_programs_come_from_the_settings(tmp_path: Path) -> None:
    settings = Settings.model_validate({
        "data_dir": tmp_path,
        "foundation": {
            "databricks-v": {"vllm": "/models/qwen", "start_timeout_s": 900},
            "databricks-p": {"command": ["srv", "{port}"], "health": "/ok"},
        },
    })  # fmt: skip
    runner = FakeRunner()
    launcher = Launcher(runner, settings)
    for key in ("databricks-v", "databricks-p"):
        entity = ServedEntity("1", key, LocalServer(key), "m", "M.")
        await launcher.for_entity(entity, LocalServer(key), "llm/v1/chat")(0)
    vllm, other = (worker.spec for worker in runner.workers)
    assert isinstance(vllm.program, ServerCommand)
    assert vllm.program.words[:3] == ("vllm", "serve", "/models/qwen")
    assert (vllm.start_timeout_s, other.start_timeout_s) == (900, 600)
    assert other.program == ServerCommand(("srv", "{port}"), "databricks-p", "/ok")
    gone = LocalServer("databricks-gone")
    with pytest.raises(EngineError, match=r"no server program at foundation\.databricks-gone"):
        await launcher.for_entity(ENTITY, gone, "llm/v1/chat")(0)
