import importlib.util
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address
from lakeserve.core.errors import Unavailable
from lakeserve.reconcile.pace import Pace
from lakeserve.reconcile.registry import registry, registry_spec
from lakeserve.settings import MlflowSettings, Settings
from lakeserve.workers.fake import FakeRunner

PACE = Pace(first_pause_s=0.01, longest_pause_s=0.05, attempts=2, stable_s=60)


def test_what_is_started(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, mlflow=MlflowSettings(python=Path("/m/bin/python")))
    spec = registry_spec(settings)
    assert spec.work_dir is not None
    command = " ".join(spec.program.command(Address(uds="/s.sock")))
    assert "/m/bin/python -m mlflow server --workers 1" in command
    assert "--uvicorn-opts --uds '/s.sock'" in command
    assert f"--backend-store-uri sqlite:///{tmp_path}/mlflow/registry.db" in command
    assert spec.program.environment()["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert spec.program.listens == "socket"


async def test_it_starts_with_the_first_call(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, mlflow=MlflowSettings(python=Path("/m/bin/python")))
    runner = FakeRunner()
    kept = registry(runner, settings, PACE)
    kept.start(asleep=True)
    assert runner.workers == []
    with pytest.raises(Unavailable, match="does not answer"):  # nobody listens at the fake's socket
        await kept.activate(0.3)
    assert [worker.spec.model_name for worker in runner.workers] == ["mlflow-registry"]
    await kept.stop(0)


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is not None, reason="mlflow is here")
async def test_without_mlflow(tmp_path: Path) -> None:
    kept = registry(FakeRunner(), Settings(data_dir=tmp_path), PACE)
    kept.start(asleep=True)
    with pytest.raises(Unavailable, match=r"lakeserve\[mlflow\]"):
        await kept.activate(5)
    await kept.stop(0)
