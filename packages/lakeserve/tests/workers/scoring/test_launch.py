import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from lakeserve.workers.scoring import launch


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is not None, reason="mlflow is here")
def test_an_interpreter_without_mlflow_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(launch.__file__), "--model", ".", "--socket", str(tmp_path / "s")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "lakeserve worker: the model's environment has no mlflow\n"
    assert not (tmp_path / "s").exists()
