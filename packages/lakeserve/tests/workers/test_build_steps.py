"""Builds of environments: real uv, and a package whose build does what it should not."""

import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from lakeserve.settings import child_environment
from lakeserve.workers.build_steps import BuildSteps, Step
from lakeserve.workers.environments import find_uv
from lakeserve.workers.landlock import WHOLE_ABI, abi

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "curious"
version = "1.0"
"""
# A build backend in one file: it tries its ways out, and puts what became of them into the package.
BACKEND = """
import os, pathlib, zipfile

def attempt(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "done"

def build_wheel(directory, config_settings=None, metadata_directory=None):
    results = [
        attempt(lambda: open(os.environ["SECRET"]).read()),
        attempt(lambda: open(os.environ["OUTSIDE"], "w").close()),
        attempt(lambda: open(os.environ["UV_SHARED"] + "/poison", "w").close()),
        attempt(lambda: os.kill(int(os.environ["PLATFORM"]), 0)),
    ]
    info = "curious-1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(directory) / "curious-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("curious.py", f"RESULTS = {results!r}\\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: curious\\nVersion: 1.0")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true")
        wheel.writestr(f"{info}/RECORD", "")
    return "curious-1.0-py3-none-any.whl"
"""


def run(step: Step) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        step.command, env=step.environment, capture_output=True, text=True, check=False
    )


def steps_in(folder: Path, environment: Mapping[str, str]) -> BuildSteps:
    return BuildSteps(environment, (folder / "packages",), folder / "env", "auto")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    source = tmp_path / "curious-1.0"
    source.mkdir()
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "backend.py").write_text(BACKEND)
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: curious\nVersion: 1.0\n")
    folder = tmp_path / "packages"
    folder.mkdir()
    with tarfile.open(folder / "curious-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "curious-1.0")
    return folder


@pytest.mark.skipif(abi() < WHOLE_ABI, reason="this kernel's Landlock is not whole")
def test_a_build_reaches_only_what_it_needs(tmp_path: Path, packages: Path) -> None:
    secret, outside, cache = tmp_path / "secrets.key", tmp_path / "outside", tmp_path / "cache"
    secret.write_text("secret")
    environment = {
        **child_environment(),
        **{"UV_CACHE_DIR": str(cache), "UV_SHARED": str(cache), "SECRET": str(secret)},
        **{"OUTSIDE": str(outside), "PLATFORM": "1"},
    }
    steps, uv = steps_in(tmp_path, environment), find_uv()
    assert steps.applies
    target = tmp_path / "env"
    made = run(steps.plain([uv, "venv", "--no-python-downloads", str(target)]))
    assert made.returncode == 0, made.stderr
    install = (
        *(uv, "pip", "install", "--python", str(target / "bin" / "python"), "--no-index"),
        *("--find-links", str(packages), "curious"),
    )
    with steps.scratch():
        refused = run(steps.from_wheels(install))
        assert refused.returncode != 0
        assert "curious" in refused.stderr
        built = run(steps.from_sources(install))
        assert built.returncode == 0, built.stderr
        compiled = run(steps.compiled(target / "bin" / "python"))
        assert compiled.returncode == 0, compiled.stderr
    (installed,) = target.glob("lib/python*/site-packages/curious.py")
    assert installed.read_text() == f"RESULTS = {['PermissionError'] * 4!r}\n"
    assert list((installed.parent / "__pycache__").glob("curious.*.pyc"))
    assert not outside.exists()
    assert not (cache / "poison").exists()
    assert not (tmp_path / "env.build").exists()


def test_what_uv_may_read(tmp_path: Path) -> None:
    environment = {
        "HOME": "/home/me",
        "UV_INDEX": "local=file:///srv/my%20index https://pypi.org/simple",
        "UV_FIND_LINKS": "/srv/wheels,/srv/more",
        "OTHER": "/srv/other",
    }
    steps = steps_in(tmp_path, environment)
    with steps.scratch():
        wheels = steps.from_wheels(["uv", "pip", "install", "x"])
        sources = steps.from_sources(["uv", "pip", "install", "x"])
    reads = {"r:/home/me/.config/uv", "r:/home/me/.netrc", "r:/srv/my index", "r:/srv/wheels"}
    assert reads | {"r:/srv/more"} <= set(wheels.command)
    assert "r:/srv/other" not in wheels.command
    assert "w:/home/me/.cache/uv" in wheels.command
    assert "w:/home/me/.cache/uv" not in sources.command
    assert wheels.words[-2:] == ("--only-binary", ":all:")
    assert wheels.environment["UV_NO_CONFIG"] == "1"
    assert sources.words[-2:] == ("--cache-dir", str(tmp_path / "env.build" / "cache"))


def test_switched_off(tmp_path: Path) -> None:
    steps = BuildSteps({}, (), tmp_path / "env", "off")
    assert not steps.applies
    assert steps.plain(["uv", "venv"]) == Step(("uv", "venv"), ("uv", "venv"), {})


def test_which_configuration_uv_reads(tmp_path: Path) -> None:
    own = tmp_path / ".config" / "uv" / "uv.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    for given, expected in (
        ({"HOME": str(tmp_path)}, {"UV_CONFIG_FILE": str(own)}),
        ({"HOME": str(tmp_path), "UV_CONFIG_FILE": "/x.toml"}, {"UV_CONFIG_FILE": "/x.toml"}),
    ):
        made = steps_in(tmp_path, given).from_sources(["uv", "pip", "install", "x"]).environment
        assert {name: value for name, value in made.items() if name.startswith("UV_")} == expected
