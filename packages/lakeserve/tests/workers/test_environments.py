import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from lakeserve.core.errors import EngineError
from lakeserve.settings import MlflowSettings
from lakeserve.workers import environments
from lakeserve.workers.environments import Environments, environment_key, find_uv, ready_mark
from lakeserve.workers.mlflow_models import MlflowModel

UV = """#!/bin/sh
echo "$@" >> {calls}
echo "uv says $1"
if [ "$1" = venv ]; then for last; do :; done; mkdir -p $last/bin; touch $last/bin/python; fi
if [ -e {calls}.swap ]; then ln -sf /bin/true $5; fi
if [ -e {calls}.broken ]; then echo "no such package" >&2; exit 2; fi
sleep 0.2
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a program in uv's place was called with, a line each."""
    path = tmp_path / "calls"
    program = tmp_path / "uv"
    program.write_text(UV.format(calls=path))
    program.chmod(0o700)
    monkeypatch.setattr(environments, "find_uv", lambda: str(program))
    return path


@pytest.fixture
def model(tmp_path: Path) -> MlflowModel:
    directory = tmp_path / "model"
    directory.mkdir()
    return MlflowModel(directory, None, "3.9.1", ("mlflow==3.17.2", "pandas"))


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def break_uv(calls: Path, *, broken: bool) -> None:
    mark = calls.with_name("calls.broken")
    if broken:
        mark.touch()
    else:
        mark.unlink()


def kept(tmp_path: Path, **settings: object) -> Environments:
    return Environments(tmp_path / "envs", MlflowSettings.model_validate(settings))


async def test_one_build_for_all_who_ask(tmp_path: Path, calls: Path, model: MlflowModel) -> None:
    made, told = kept(tmp_path), list[str]()
    found = await asyncio.gather(*(made.interpreter(model, told.append) for _ in range(3)))
    path = tmp_path / "envs" / environment_key(model)
    assert set(found) == {path / "bin" / "python"}
    assert told == ["Building its environment (2 requirements)"]
    venv, install = lines(calls)
    assert venv == f"venv --no-python-downloads --python 3.9 {path}"
    requirements = path.with_name(f"{path.name}.requirements.txt")
    assert f"--python {path}/bin/python -r {requirements} orjson" in install
    assert lines(requirements) == ["mlflow==3.17.2", "pandas"]
    assert "uv says venv" in lines(made.log_path(model))
    await kept(tmp_path).interpreter(model, told.append)
    assert len(told) == 1


async def test_a_half_built_one_is_made_anew(
    tmp_path: Path, calls: Path, model: MlflowModel
) -> None:
    path = tmp_path / "envs" / environment_key(model)
    (path / "half").mkdir(parents=True)
    await kept(tmp_path).interpreter(model, lambda _: None)
    assert not (path / "half").exists()
    assert ready_mark(path).is_file()


async def test_a_wheelhouse_and_the_models_own_file(
    tmp_path: Path, calls: Path, model: MlflowModel
) -> None:
    (model.directory / "requirements.txt").write_text("mlflow==3.17.2\n")
    same = replace(model, python=f"{sys.version_info.major}.{sys.version_info.minor}.99")
    await kept(tmp_path, wheelhouse=tmp_path).interpreter(same, lambda _: None)
    venv, install = lines(calls)
    assert f"--python {sys.executable} " in venv
    assert f"--no-index --find-links {tmp_path} -r {model.directory}/requirements.txt" in install


async def test_a_failure_says_why_and_counts_for_a_while(
    tmp_path: Path, calls: Path, model: MlflowModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_uv(calls, broken=True)
    made = kept(tmp_path)
    message = "(?s)cannot be built: uv venv ended with exit code 2.*no such package"
    for _ in range(2):
        with pytest.raises(EngineError, match=message):
            await made.interpreter(model, lambda _: None)
    assert len(lines(calls)) == 1
    break_uv(calls, broken=False)
    monkeypatch.setattr(environments, "FAILURE_COUNTS_S", 0.0)
    assert (await made.interpreter(model, lambda _: None)).name == "python"


async def test_a_build_that_replaces_the_interpreter(
    tmp_path: Path, calls: Path, model: MlflowModel
) -> None:
    calls.with_name("calls.swap").touch()
    made = kept(tmp_path)
    with pytest.raises(EngineError, match="in the place of the interpreter"):
        await made.interpreter(model, lambda _: None)
    assert not ready_mark(tmp_path / "envs" / environment_key(model)).exists()


async def test_a_build_has_a_time_limit(tmp_path: Path, calls: Path, model: MlflowModel) -> None:
    with pytest.raises(EngineError, match=r"took longer than 0\.05 s"):
        await kept(tmp_path, build_timeout_s=0.05).interpreter(model, lambda _: None)


async def test_a_shared_interpreter(tmp_path: Path, model: MlflowModel) -> None:
    shared = kept(tmp_path, environment="shared", python=tmp_path / "python")
    assert await shared.interpreter(model, lambda _: None) == tmp_path / "python"
    own = kept(tmp_path, environment="shared")
    assert await own.interpreter(model, lambda _: None) == Path(sys.executable)


def test_keys(model: MlflowModel) -> None:
    other_place = replace(model, directory=Path("/elsewhere"))
    assert environment_key(model) == environment_key(other_place)
    assert environment_key(model) == environment_key(replace(model, python="3.9.20"))
    assert environment_key(model) != environment_key(replace(model, python="3.10.1"))
    local = replace(model, requirements=("./code/a.whl",))
    assert environment_key(local) != environment_key(replace(local, directory=Path("/elsewhere")))


def test_uv_is_found() -> None:
    assert os.access(find_uv(), os.X_OK)


def test_without_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineError, match=r"lakeserve\[mlflow\]"):
        find_uv()
