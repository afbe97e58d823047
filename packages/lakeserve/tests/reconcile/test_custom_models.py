from pathlib import Path
from typing import Any

import pytest
from lakeserve.core.endpoints import RegisteredModel, ServedEntity, Workload
from lakeserve.core.errors import InvalidParameter
from lakeserve.reconcile.custom_models import CustomModels
from lakeserve.settings import MlflowSettings, Settings
from lakeserve.workers.mlflow_program import MlflowProgram

KEY = "{{secrets/s/key}}"


@pytest.fixture
def backend(tmp_path: Path) -> RegisteredModel:
    directory = tmp_path / "models" / "chat"
    directory.mkdir(parents=True)
    description = "flavors: {python_function: {}}\nmetadata: {task: agent/v2/chat}"
    (directory / "MLmodel").write_text(description)
    return RegisteredModel(str(directory), "", Workload("Medium"), {"KEY": KEY, "PLAIN": "x"})


async def test_everything_a_worker_needs(
    tmp_path: Path, backend: RegisteredModel, secrets: Any
) -> None:
    settings = Settings(
        data_dir=tmp_path,
        mlflow=MlflowSettings(environment="shared", python=Path("/python"), memory_mb=512),
    )
    custom = CustomModels(settings, secrets)
    entity = ServedEntity("12345678" * 4, "chat", backend, "chat", "M.")
    with pytest.raises(InvalidParameter, match=f"no secret {KEY} for anna"):
        await custom.spec(entity, backend, "anna", lambda _: None, 16)
    secrets.known[KEY] = "hidden"
    spec = await custom.spec(entity, backend, "anna", lambda _: None, 16)
    program = spec.program
    assert isinstance(program, MlflowProgram)
    assert program.interpreter == Path("/python")
    assert (program.concurrency, program.memory_mb) == (16, 512)
    assert (program.variables["KEY"], program.variables["PLAIN"]) == ("hidden", "x")
    assert "hidden" not in repr(spec)
    assert custom.tasks == {entity.id: "agent/v2/chat"}
    assert custom.log(entity.id) is custom.build_log(entity.id) is None
    spec.log_path.parent.mkdir()
    spec.log_path.write_text("it printed this\n")
    assert custom.log(entity.id) == "it printed this\n"
    assert custom.log("another") is None
