import asyncio
from pathlib import Path
from typing import Any

import pytest
from lakeserve.core.endpoints import (
    Endpoint,
    LocalModel,
    LocalServer,
    RegisteredModel,
    Scale,
    ServedEntity,
    Task,
    WorkerBackend,
    Workload,
)
from lakeserve.core.errors import EngineError
from lakeserve.reconcile.custom_models import CustomModels
from lakeserve.reconcile.launch import Launch, Launcher, Resolve
from lakeserve.reconcile.room import memory_room, no_limit
from lakeserve.settings import MlflowSettings, Settings
from lakeserve.workers.fake import FakeRunner
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.mlflow_program import MlflowProgram
from lakeserve.workers.models import ModelFile
from lakeserve.workers.protocols import ModelKind
from lakeserve.workers.server_command import ServerCommand

ENTITY = ServedEntity("1" * 32, "databricks-x", LocalModel("demo"), "m", "M.")
DEMO = LocalModel("demo")


async def unused(reference: str, data_dir: Path) -> ModelFile:
    raise AssertionError(reference)


def launch_of(
    runner: FakeRunner,
    settings: Settings,
    resolve: Resolve,
    task: Task | None = "llm/v1/chat",
    backend: WorkerBackend = DEMO,
    secrets: Any = None,
    entity: ServedEntity = ENTITY,
    told: list[str] | None = None,
) -> Launch:
    endpoint = Endpoint("e", "x", task, "FOUNDATION_MODEL_API", "anna", 1, 1, (ENTITY,))
    launcher = Launcher(runner, settings, CustomModels(settings, secrets), resolve)
    heard = list[str]() if told is None else told
    return launcher.for_entity(entity, backend, endpoint, heard.append)


async def test_a_registered_model_gets_its_own_kind_of_worker(tmp_path: Path, secrets: Any) -> None:
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "models" / "m" / "MLmodel").write_text("flavors: {python_function: {}}")
    settings = Settings(data_dir=tmp_path, mlflow=MlflowSettings(environment="shared"))
    runner, told = FakeRunner(), list[str]()
    backend = RegisteredModel(str(tmp_path / "models" / "m"), "")
    await launch_of(runner, settings, unused, None, backend, secrets, told=told)(0)
    (worker,) = runner.workers
    assert isinstance(worker.spec.program, MlflowProgram)
    assert worker.spec.program.model_dir == tmp_path / "models" / "m"
    assert told == ["Loading m"]


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
    await launch_of(runner, settings, resolve)(0)
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
    launch = launch_of(runner, Settings(data_dir=tmp_path), resolve, backend=backend)
    await launch(0)
    await launch(2)
    programs = [worker.spec.program for worker in runner.workers]
    assert [isinstance(each, LlamaProgram) and each.slots for each in programs] == [4, 4]
    first, third = (worker.spec for worker in runner.workers)
    assert third.log_path == tmp_path / "logs" / "databricks-x.2.log"
    assert first.work_dir == tmp_path / "work" / ("1" * 12)
    assert third.work_dir == tmp_path / "work" / f"{'1' * 12}.2"


GROWING = Scale(64, most_replicas=4)


@pytest.mark.parametrize(
    ("settings", "backend", "most", "share"),
    [
        ({"runner": "ray"}, LocalModel("demo", GROWING), 4, 16),
        ({"autoscaling": {"max_replicas": 3}}, LocalModel("demo", GROWING), 3, 22),
        ({"autoscaling": {"max_replicas": 9}}, LocalModel("demo", GROWING), 4, 16),
        ({"engine": {"threads": 256}}, LocalModel("demo", GROWING), 1, 64),
        ({"autoscaling": {"max_replicas": 1}}, LocalModel("demo", Scale(8, 2)), 2, 4),
        (
            {"autoscaling": {"max_replicas": 2}},
            RegisteredModel("m", "1", Workload("Large")),
            2,
            32,
        ),
    ],
)
def test_one_machine_has_room_for_some_replicas(
    settings: dict[str, Any], backend: WorkerBackend, most: int, share: int, secrets: Any
) -> None:
    wanted = Settings.model_validate(settings)
    scale = Launcher(FakeRunner(), wanted, CustomModels(wanted, secrets)).scale(backend)
    assert (scale.most, scale.share()) == (most, share)


def test_a_machine_looks_at_its_memory_and_a_cluster_does_not(secrets: Any) -> None:
    here, there = Settings(), Settings(runner="ray")
    assert Launcher(FakeRunner(), here, CustomModels(here, secrets)).room is memory_room
    assert Launcher(FakeRunner(), there, CustomModels(there, secrets)).room is no_limit


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
    launch = launch_of(runner, Settings(data_dir=tmp_path), resolve, task)
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

    launch = launch_of(FakeRunner(), Settings(data_dir=tmp_path), resolve)
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
    for key in ("databricks-v", "databricks-p"):
        entity = ServedEntity("1", key, LocalServer(key), "m", "M.")
        await launch_of(runner, settings, unused, backend=LocalServer(key), entity=entity)(0)
    vllm, other = (worker.spec for worker in runner.workers)
    assert isinstance(vllm.program, ServerCommand)
    assert vllm.program.words[:3] == ("vllm", "serve", "/models/qwen")
    assert (vllm.start_timeout_s, other.start_timeout_s) == (900, 600)
    assert other.program == ServerCommand(("srv", "{port}"), "databricks-p", "/ok")
    gone = LocalServer("databricks-gone")
    with pytest.raises(EngineError, match=r"no server program at foundation\.databricks-gone"):
        await launch_of(runner, settings, unused, backend=gone)(0)


@pytest.mark.parametrize(
    ("backend", "seconds"),
    [
        (DEMO, 11),
        (RegisteredModel("m", "1"), 12),
        (LocalServer("databricks-v"), 13),
        (LocalServer("databricks-s"), 14),
    ],
)
def test_how_long_each_may_take_to_start(
    tmp_path: Path, secrets: Any, backend: WorkerBackend, seconds: float
) -> None:
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "engine": {"start_timeout_s": 11},
            "mlflow": {"start_timeout_s": 12},
            "foundation": {
                "databricks-v": {"vllm": "/m", "start_timeout_s": 13},
                "databricks-s": {"command": ["s", "{socket}"], "start_timeout_s": 14},
            },
        }
    )
    launcher = Launcher(FakeRunner(), settings, CustomModels(settings, secrets), unused)
    assert launcher.start_timeout_s(backend) == seconds
