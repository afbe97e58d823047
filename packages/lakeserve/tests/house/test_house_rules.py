"""The house rules that no linter knows, each shown to fail when it is broken."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SOURCES = {
    "langchain_lakeserve": ROOT / "packages/langchain-lakeserve/src",
    "lakeserve": ROOT / "packages/lakeserve/src",
    "lakeserve_demo_model": ROOT / "packages/lakeserve-demo-model/src",
}
LONGEST_FILE = 600
LONGEST_FUNCTION = 60
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
PUBLISHED = ("langchain_lakeserve", "lakeserve_demo_model")


def modules(source: Path) -> Iterator[Path]:
    return (path for path in sorted(source.rglob("*.py")) if "__pycache__" not in path.parts)


def size_faults(source: Path) -> list[str]:
    faults = []
    for path in modules(source):
        text = path.read_text()
        if (lines := text.count("\n")) > LONGEST_FILE:
            faults.append(f"{path.name}: {lines} lines")
        faults += [
            f"{path.name}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.end_lineno is not None
            and node.end_lineno - node.lineno >= LONGEST_FUNCTION
        ]
    return faults


def name_faults(source: Path) -> list[str]:
    return [
        str(path.relative_to(source))
        for path in modules(source)
        if FORBIDDEN_NAMES & set(path.relative_to(source).with_suffix("").parts)
    ]


def door_faults(source: Path) -> list[str]:
    """Modules that import from the door of their own distribution (its submodules are no door)."""
    faults = []
    for path in modules(source):
        package = path.relative_to(source).parts[0]
        faults += [
            f"{path.relative_to(source)}:{node.lineno}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            and node.module == package
            and not all((source / package / f"{name.name}.py").exists() for name in node.names)
        ]
    return faults


def full_doors(source: Path) -> list[str]:
    """Packages, other than a published distribution's own, whose ``__init__`` holds code."""
    return [
        str(path.relative_to(source))
        for path in modules(source)
        if path.name == "__init__.py"
        and path.read_text().strip()
        and not _only_docstring(path)
        and path.parent.parent != source
    ]


def _only_docstring(path: Path) -> bool:
    return all(isinstance(node, ast.Expr) for node in ast.parse(path.read_text()).body)


@pytest.mark.parametrize("package", SOURCES)
def test_files_and_functions_stay_short(package: str) -> None:
    assert size_faults(SOURCES[package]) == []


@pytest.mark.parametrize("package", SOURCES)
def test_modules_have_names_of_the_field(package: str) -> None:
    assert name_faults(SOURCES[package]) == []


@pytest.mark.parametrize("package", SOURCES)
def test_nobody_imports_from_their_own_door(package: str) -> None:
    assert door_faults(SOURCES[package]) == []


@pytest.mark.parametrize("package", SOURCES)
def test_inner_packages_have_empty_doors(package: str) -> None:
    assert full_doors(SOURCES[package]) == []


@pytest.mark.parametrize("package", PUBLISHED)
def test_doors_declare_what_they_offer(package: str) -> None:
    door = ast.parse((SOURCES[package] / package / "__init__.py").read_text())
    declared = [
        node
        for node in door.body
        if isinstance(node, ast.Assign)
        and any(isinstance(name, ast.Name) and name.id == "__all__" for name in node.targets)
    ]
    assert len(declared) == 1


def test_every_room_of_the_platform_is_tested() -> None:
    source, tests = SOURCES["lakeserve"], ROOT / "packages/lakeserve/tests"
    untested = []
    for path in modules(source):
        inside = path.relative_to(source)
        text = path.read_text()
        if not text.strip():
            continue
        room = tests.joinpath(*inside.parts[1:-1])
        names = f"from {'.'.join(inside.with_suffix('').parts)} import"
        mirrored = room / f"test_{path.stem.strip('_')}.py"
        if not mirrored.exists() and not any(names in t.read_text() for t in tests.rglob("*.py")):
            untested.append(str(inside))
    assert untested == []


def test_the_rules_find_what_breaks_them(tmp_path: Path) -> None:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "utils.py").write_text("from house import door\n")
    long_body = "\n".join("    x = 1" for _ in range(LONGEST_FUNCTION))
    (package / "long.py").write_text(f"def f():\n{long_body}\n" + "y = 1\n" * LONGEST_FILE)
    inner = package / "room"
    inner.mkdir()
    (inner / "__init__.py").write_text("x = 1\n")
    assert len(size_faults(tmp_path)) == 2
    assert name_faults(tmp_path) == ["house/utils.py"]
    assert door_faults(tmp_path) == ["house/utils.py:1"]
    assert full_doors(tmp_path) == ["house/room/__init__.py"]


BREACHES = {
    "gateway imports storage": ("lakeserve/gateway/breach.py", "import lakeserve.storage.database"),
    "control imports gateway": ("lakeserve/control/breach.py", "import lakeserve.gateway.app"),
    "core imports upwards": ("lakeserve/core/breach.py", "import lakeserve.settings"),
    "a room that nobody drew": ("lakeserve/cellar.py", "import lakeserve.core.ids"),
    "the client imports the platform": (
        "langchain_lakeserve/breach.py",
        "import lakeserve.core.ids",
    ),
    "the client imports a framework": ("langchain_lakeserve/breach.py", "import fastapi"),
}


@pytest.fixture(scope="module")
def copied_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("sources")
    for package, source in SOURCES.items():
        shutil.copytree(
            source / package, target / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def _lint_imports(directory: Path) -> "subprocess.CompletedProcess[str]":
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=directory,
        env={"PYTHONPATH": str(directory), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_import_contracts_hold(copied_sources: Path) -> None:
    result = _lint_imports(copied_sources)
    assert result.returncode == 0, result.stdout
    assert re.search(r"[1-9]\d* kept, 0 broken", result.stdout)


@pytest.mark.parametrize("breach", BREACHES)
def test_the_import_contracts_fail_when_broken(copied_sources: Path, breach: str) -> None:
    name, text = BREACHES[breach]
    path = copied_sources / name
    path.write_text(text + "\n")
    try:
        result = _lint_imports(copied_sources)
    finally:
        path.unlink()
    assert result.returncode != 0, result.stdout
