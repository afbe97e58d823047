import asyncio
import sys
from pathlib import Path

import pytest
from lakeserve.core.endpoints import RegisteredModel
from lakeserve.core.errors import EngineError
from lakeserve.settings import MlflowSettings
from lakeserve.workers.mlflow_store import ModelStore, tree_digest

IRIS = RegisteredModel("main.ml.iris", "3")

# Stands for an interpreter with MLflow: the script imports this instead.
MODULE = """
import os, pathlib
class artifacts:
    @staticmethod
    def download_artifacts(artifact_uri, dst_path):
        registry = pathlib.Path(os.environ["MLFLOW_TRACKING_URI"])
        with (registry / "asked").open("a") as asked:
            asked.write(artifact_uri + "\\n")
        name = artifact_uri.removeprefix("models:/")
        if not (registry / name).exists():
            raise RuntimeError(f"Registered model {name}\\nnot found")
        pathlib.Path(dst_path, "MLmodel").write_text((registry / name).read_text())
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A directory whose files are registered models, and a program that knows it."""
    place = tmp_path / "registry"
    (place / "main.ml.iris").mkdir(parents=True)
    (place / "main.ml.iris" / "3").write_text("flavors: {}")
    (place / "lib").mkdir()
    (place / "lib" / "mlflow.py").write_text(MODULE)
    python = place / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={place}/lib exec {sys.executable} "$@"\n')
    python.chmod(0o700)
    return place


def store(tmp_path: Path, registry: Path) -> ModelStore:
    settings = MlflowSettings(python=registry / "python", tracking_uri=str(registry))
    return ModelStore(tmp_path / "kept", (tmp_path / "mine",), settings)


async def test_a_version_is_fetched_once(tmp_path: Path, registry: Path) -> None:
    kept, told = store(tmp_path, registry), list[str]()
    found = await asyncio.gather(*(kept.files(IRIS, told.append) for _ in range(3)))
    assert set(found) == {tmp_path / "kept" / "models" / "main.ml.iris" / "3"}
    assert (found[0] / "MLmodel").read_text() == "flavors: {}"
    assert told == ["Fetching main.ml.iris version 3 from the registry"]
    await store(tmp_path, registry).files(IRIS, told.append)
    assert (registry / "asked").read_text().count("models:/main.ml.iris/3") == 1


async def test_a_changed_copy_is_fetched_anew(tmp_path: Path, registry: Path) -> None:
    path = await store(tmp_path, registry).files(IRIS, lambda _: None)
    (path / "MLmodel").write_text("changed")
    assert await store(tmp_path, registry).files(IRIS, lambda _: None) == path
    assert (path / "MLmodel").read_text() == "flavors: {}"


async def test_a_model_that_does_not_exist(tmp_path: Path, registry: Path) -> None:
    message = "cannot fetch models:/iris/9: Registered model iris/9 not found"
    with pytest.raises(EngineError, match=message):
        await store(tmp_path, registry).files(RegisteredModel("iris", "9"), lambda _: None)
    assert not list((tmp_path / "kept").rglob("*.partial"))


async def test_an_interpreter_without_mlflow(tmp_path: Path, registry: Path) -> None:
    (registry / "lib" / "mlflow.py").write_text("raise ImportError")
    with pytest.raises(EngineError, match=r"has no MLflow.*lakeserve\[mlflow\]"):
        await store(tmp_path, registry).files(IRIS, lambda _: None)


async def test_directories(tmp_path: Path, registry: Path) -> None:
    kept = store(tmp_path, registry)
    mine, other = tmp_path / "mine" / "iris", tmp_path / "other"
    for each in (mine, other):
        each.mkdir(parents=True)
        (each / "MLmodel").write_text("flavors: {}")
    (tmp_path / "mine" / "empty").mkdir()
    (tmp_path / "mine" / "link").symlink_to(other)
    assert await kept.files(RegisteredModel(str(mine), ""), lambda _: None) == mine.resolve()
    for refused, message in (
        (other, "may not be served; the setting models_dirs allows"),
        (tmp_path / "mine" / "link", "may not be served"),
        (tmp_path / "mine" / "empty", "holds no MLflow model"),
    ):
        with pytest.raises(EngineError, match=message):
            await kept.files(RegisteredModel(str(refused), ""), lambda _: None)


def test_the_digest_covers_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text("1")
    first = tree_digest(tmp_path)
    (tmp_path / "d" / "a").rename(tmp_path / "d" / "b")
    second = tree_digest(tmp_path)
    (tmp_path / "d" / "b").write_text("2")
    assert len({first, second, tree_digest(tmp_path)}) == 3
