import subprocess
import sys
from pathlib import Path

from lakeserve.workers import mlflow_download

MODULE = """
class artifacts:
    @staticmethod
    def download_artifacts(artifact_uri, dst_path):
        if artifact_uri == "models:/bad/1":
            raise KeyError("two\\nlines")
        open(dst_path + "/" + artifact_uri.split("/")[1], "w").close()
"""


def run(uri: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    (directory / "mlflow.py").write_text(MODULE)
    return subprocess.run(
        [sys.executable, str(mlflow_download.__file__), uri, str(directory)],
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
