import sys
from pathlib import Path

import pytest
from lakeserve.core.errors import EngineError
from lakeserve.workers.confinement import (
    Confinement,
    exposing,
    held,
    python_files,
    scratch_environment,
    shortcoming,
)
from lakeserve.workers.landlock import WHOLE_ABI


def test_what_older_kernels_lack() -> None:
    assert shortcoming(WHOLE_ABI) is None
    assert "no Landlock" in str(shortcoming(0))
    assert "version 4: signals" in str(shortcoming(4))


def test_who_is_held_to_it() -> None:
    assert [held("auto", version) for version in (0, 1, WHOLE_ABI)] == [False, True, True]
    assert held("required", WHOLE_ABI)
    assert not held("off", WHOLE_ABI)
    for version in (0, WHOLE_ABI - 1):
        with pytest.raises(EngineError, match=r"model_isolation is 'required', and "):
            held("required", version)
    assert not Confinement(isolation="off").applies


def test_a_command() -> None:
    confinement = Confinement((Path("/model"),), (Path("/shared"),))
    environment = {"SSL_CERT_FILE": "/certificates.pem"}
    command = confinement.command(["program", "--option"], environment, [Path("/scratch")])
    assert command[:3] == [sys.executable, "-I", "-S"]
    assert command[-3:] == ["--", "program", "--option"]
    grants = {"r:/model", "r:/certificates.pem", "w:/shared", "w:/scratch", "d:/dev/null"}
    assert grants <= set(command)
    assert not {"r:/", "r:/etc", "r:/home", "r:/tmp", "w:/tmp"} & set(command)


def test_variables_that_lead_to_the_scratch_directory() -> None:
    given = {"HOME": "/home/me", "XDG_CACHE_HOME": "/home/me/.cache", "LANG": "C"}
    made = scratch_environment(given, Path("/scratch"))
    assert made == {"HOME": "/scratch", "TMPDIR": "/scratch/tmp", "LANG": "C"}


def test_the_files_of_an_interpreter(tmp_path: Path) -> None:
    real = tmp_path / "python" / "bin" / "python3"
    real.parent.mkdir(parents=True)
    real.touch()
    environment = tmp_path / "env"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(real)
    assert python_files(environment / "bin" / "python") == (tmp_path / "python",)
    (environment / "pyvenv.cfg").touch()
    assert python_files(environment / "bin" / "python") == (environment, tmp_path / "python")


def test_a_directory_within_what_may_be_read(tmp_path: Path) -> None:
    data = tmp_path / "a" / "data"
    data.mkdir(parents=True)
    assert exposing(data, [tmp_path / "b"]) is None
    assert exposing(data, [tmp_path / "b", tmp_path / "a"]) == tmp_path / "a"
    assert exposing(Path("/usr/local/var/lakeserve"), []) == Path("/usr")
