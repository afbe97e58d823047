import subprocess
import sys
from pathlib import Path

import pytest
from lakeserve.workers import mlflow_download

MODULE = """
class artifacts:
    @staticmethod
    def download_artifacts(artifact_uri, dst_path):
        if artifact_uri == "models:/bad/1":
            raise KeyError("two\\nlines")
        open(dst_path + "/" + artifact_uri.split("/")[1], "w").close()

class MlflowClient:
    def get_model_version_download_uri(self, name, version):
        return "models:/m-1" if name == "good" else "file:///etc"
    def get_logged_model(self, model_id):
        assert model_id == "m-1"
        class Found:
            artifact_location = "mlflow-artifacts:/0/models/m-1"
        return Found
"""


def run(uri: str, directory: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    (directory / "mlflow.py").write_text(MODULE)
    return subprocess.run(
        [sys.executable, str(mlflow_download.__file__), uri, str(directory), *more],
        env={"PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_download(tmp_path: Path) -> None:
    assert run("models:/good/1", tmp_path).returncode == 0
    assert (tmp_path / "good").is_file()


def test_a_failure_is_one_line(tmp_path: Path) -> None:
    result = run("models:/bad/1", tmp_path)
    assert result.returncode == 1
    assert result.stderr == "lakeserve worker: 'two\\nlines'\n"


def test_the_platforms_own_registry(tmp_path: Path) -> None:
    files = tmp_path / "root" / "0" / "models" / "m-1"
    files.mkdir(parents=True)
    (files / "MLmodel").write_text("flavors: {}")
    assert run("models:/good/1", tmp_path, str(tmp_path / "root")).returncode == 0
    assert (tmp_path / "MLmodel").read_text() == "flavors: {}"
    elsewhere = run("models:/bad/1", tmp_path, str(tmp_path / "root"))
    assert "file:///etc, which is not in this registry" in elsewhere.stderr


@pytest.mark.parametrize(
    "location", ["mlflow-artifacts:/../x", "mlflow-artifacts:/a/%2e%2e/%2e%2e/x", "/a", "s3://b/a"]
)
def test_addresses_that_lead_elsewhere(location: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not in this registry"):
        mlflow_download.own_files(location, tmp_path / "root")
