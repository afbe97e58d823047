"""Models of PyTorch and of transformers behind endpoints: made here, nothing is fetched."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.custom_endpoints import create, query, saved_models, serving_models, settled
from harness import PlatformProcess

WHERE = "import sysconfig; print(sysconfig.get_path('purelib'))"


@pytest.fixture(scope="module")
def torch_python(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that sees the packages of MLflow's environment, and torch in this one's."""
    mlflow_packages = subprocess.check_output([mlflow_python, "-c", WHERE], text=True).strip()
    own_packages = sysconfig.get_path("purelib")
    if Path(mlflow_packages).parent.name != Path(own_packages).parent.name:
        pytest.skip("MLflow's environment is of another version of Python")
    place = tmp_path_factory.mktemp("torch") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "layers.pth").write_text(f"{mlflow_packages}\n{own_packages}\n")
    return place / "bin" / "python"


@pytest.fixture(scope="module")
def models(torch_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    return saved_models(torch_python, "save_torch_models.py", directory, HF_HUB_OFFLINE="1")


@pytest.fixture(scope="module")
def serving(
    mlflow_python: str, torch_python: Path, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlatformProcess]:
    place = tmp_path_factory.mktemp("serving")
    layers = [Path(mlflow_python).parents[1].resolve(), Path(sys.prefix)]
    with serving_models(
        place,
        f'models_dirs = ["{models}"]\n'
        f'[mlflow]\npython = "{torch_python}"\nenvironment = "shared"\n'
        f"readable_dirs = {[str(each) for each in layers]}\n",
    ) as running:
        yield running


@pytest.mark.timeout(600)
def test_a_network_of_pytorch(serving: PlatformProcess, models: Path) -> None:
    create(serving, "network", models / "network")
    assert settled(serving, "network")["state"]["ready"] == "READY"
    reply = query(serving, "network", {"inputs": [[1.0, 1.0], [2.0, 0.5]]})
    assert reply.json() == {"predictions": [[3.0], [3.0]]}
    refused = query(serving, "network", {"inputs": [[1.0, 2.0, 3.0]]})
    assert refused.status == 400
    assert "shape" in refused.json()["message"]


@pytest.mark.timeout(600)
def test_a_pipeline_of_transformers(serving: PlatformProcess, models: Path) -> None:
    create(serving, "classifier", models / "classifier")
    assert settled(serving, "classifier")["state"]["ready"] == "READY"
    reply = query(serving, "classifier", {"inputs": ["good day", "bad night"]})
    assert reply.status == 200, reply.body
    found = reply.json()["predictions"]
    assert {each["label"] for each in found} <= {"day", "night"}
    assert all(0.5 <= each["score"] <= 1 for each in found)
    assert len(found) == 2
