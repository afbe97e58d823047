"""Runs programs of tests as launch.py runs the worker: where MLflow is, and the platform is not."""

import os
import subprocess
from pathlib import Path

import pytest
from lakeserve.workers.scoring import launch

INTERPRETER = "OTHER_CLIENTS_PYTHON"
PROGRAMS = Path(__file__).parents[2] / "e2e" / "models"

# As launch.py does it, but the program is another one.
_RUN = """
import runpy, sys, types
package = types.ModuleType("lakeserve")
package.__path__ = [sys.argv[1]]
sys.modules["lakeserve"] = package
runpy.run_path(sys.argv[2], run_name="__main__")
"""


def output_of(program: str) -> str:
    """What a program of ``e2e/models`` prints; a test that asks is skipped where MLflow is not."""
    interpreter = os.environ.get(INTERPRETER)
    if interpreter is None:
        pytest.skip(f"{INTERPRETER} names no interpreter that has MLflow (make test does)")
    sources = Path(str(launch.__file__)).parents[2]
    done = subprocess.run(
        [Path(interpreter).absolute(), "-c", _RUN, sources, PROGRAMS / program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
