"""What the package promises as a package."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import langchain_lakeserve
from langchain_lakeserve import errors

SOURCE = Path(langchain_lakeserve.__file__).parent


def test_the_door_is_what_it_says() -> None:
    named = {
        name
        for name, value in vars(langchain_lakeserve).items()
        if callable(value) and not name.startswith("_")
    }
    assert named == set(langchain_lakeserve.__all__)
    assert set(errors.__all__) < named


def test_the_tree_of_errors_is_drawn() -> None:
    assert errors.__doc__ is not None
    for name in errors.__all__:
        assert name in errors.__doc__


def test_there_are_four_dependencies() -> None:
    direct = [line for line in requires("langchain-lakeserve") or [] if "extra ==" not in line]
    names = sorted(line.split(">")[0].split("<")[0].strip() for line in direct)
    assert names == ["aiohttp", "langchain-core", "orjson", "urllib3"]


def test_importing_loads_no_async_library() -> None:
    program = (
        "import sys, langchain_lakeserve\n"
        "print([n for n in ('aiohttp', 'databricks', 'mlflow')"
        " if n in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "[]"


def test_one_module_names_each_outside_thing() -> None:
    """The HTTP libraries and the environment are each read in one place."""
    allowed = {"aiohttp": {"_http.py"}, "urllib3": {"_sockets.py"}, "os.environ": {"_auth.py"}}
    for path in SOURCE.glob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                assert path.name in allowed.get(top, {path.name}), f"{path.name} imports {name}"
                assert name != "langchain_lakeserve", f"{path.name} imports from its own door"
        if "os.environ" in text:
            assert path.name in allowed["os.environ"]


def test_examples_in_docstrings_are_true() -> None:
    tried = 0
    for path in sorted(SOURCE.glob("*.py")):
        module = importlib.import_module(f"langchain_lakeserve.{path.stem}")
        result = doctest.testmod(module)
        assert result.failed == 0, path.name
        tried += result.attempted
    assert tried > 5
