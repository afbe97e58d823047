"""Running platforms for the tests of this folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.custom_endpoints import saved_models
from harness import PlatformProcess, start_platform


@pytest.fixture(scope="session")
def shared_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory for the session, so that the embedding model is converted once."""
    return tmp_path_factory.mktemp("platform") / "data"


@pytest.fixture(scope="session")
def platform(shared_data_dir: Path) -> Iterator[PlatformProcess]:
    """A platform that tests share and leave as they found it."""
    running = start_platform(shared_data_dir, "--tls", "--tls-port", "0")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def own_platform(tmp_path: Path, shared_data_dir: Path) -> Iterator[PlatformProcess]:
    """A platform that a test may break."""
    running = start_platform(tmp_path / "data")
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def environment(platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two variables that every client reads, set to the shared platform."""
    for name, value in platform.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def mlflow_python() -> str:
    """An interpreter that has MLflow."""
    interpreter = os.environ.get("OTHER_CLIENTS_PYTHON")
    if interpreter is None:
        pytest.skip("OTHER_CLIENTS_PYTHON names no interpreter that has MLflow (make test does)")
    return str(Path(interpreter).absolute())


@pytest.fixture(scope="session")
def models(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow models of many kinds, a directory each."""
    return saved_models(mlflow_python, "save_models.py", tmp_path_factory.mktemp("models"))
