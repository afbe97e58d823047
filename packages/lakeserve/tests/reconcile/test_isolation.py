import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from lakeserve.core.errors import EngineError
from lakeserve.reconcile.isolation import ModelIsolation
from lakeserve.settings import Settings
from lakeserve.workers.llama import LlamaOptions, LlamaProgram, Lora

PYTHON = Path(sys.executable)


def isolation(data_dir: Path, **settings: Any) -> ModelIsolation:
    return ModelIsolation(Settings(data_dir=data_dir, **settings))


def test_an_mlflow_model(tmp_path: Path) -> None:
    mlflow = {"readable_dirs": ["/srv/data"], "writable_dirs": ["/srv/cache"]}
    made = isolation(tmp_path / "data", mlflow=mlflow).of_mlflow(tmp_path / "model", PYTHON)
    assert {tmp_path / "model", Path("/srv/data"), PYTHON.parent.parent} <= set(made.reads)
    assert made.writes == (Path("/srv/cache"),)
    assert made.isolation == "auto"


def test_a_gguf_model_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    parts = [tmp_path / f"m[1]-0000{number}-of-00002.gguf" for number in (1, 2)]
    for path in (*parts, tmp_path / "m1-00001-of-00002.gguf", tmp_path / "other.gguf"):
        path.touch()
    lora, projector = tmp_path / "lora.gguf", tmp_path / "projector.gguf"
    options = LlamaOptions(loras=(Lora(lora),), projector=projector)
    program = LlamaProgram(parts[0], "m", "chat", options=options)
    made = isolation(tmp_path / "data").of_gguf(program)
    assert set(made.reads) == {*parts, lora, projector}
    assert made.writes == ()


def test_a_data_directory_that_models_may_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "shared" / "data"
    mlflow = {"readable_dirs": [str(tmp_path / "shared")]}
    with caplog.at_level(logging.WARNING):
        isolation(data, mlflow=mlflow).of_mlflow(tmp_path / "model", PYTHON)
    assert "does not protect it" in caplog.text
    required = isolation(data, mlflow=mlflow, model_isolation="required")
    with pytest.raises(EngineError, match="does not protect it"):
        required.of_mlflow(tmp_path / "model", PYTHON)
    caplog.clear()
    off = isolation(data, mlflow=mlflow, model_isolation="off")
    assert off.of_mlflow(tmp_path / "model", PYTHON).isolation == "off"
    assert caplog.text == ""
