"""The pages on models: every program on them is run, as it stands, by mlflow's own client."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.custom_endpoints import serving_models
from harness import PlatformProcess

PAGES = Path(__file__).parents[4] / "docs" / "models"
DOCUMENTED_URL = "http://127.0.0.1:8400"
EXPECTED = {
    "agents": ("good morning {'session': '7'}\ngood morning \ngood evening\ngood evening "),
    "sklearn": "[0, 0]\n",
    "langchain": "['SAY HELLO TO ADA.']\n",
    "chat_model": "good morning\ngood morning good morning\n",
}


def program(page: Path) -> str:
    """The Python of a page, in its order."""
    return "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))


@pytest.fixture(scope="module")
def serving(
    mlflow_python: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlatformProcess]:
    """A platform with a registry of its own, and one environment for all models."""
    place = tmp_path_factory.mktemp("serving")
    config = f'[mlflow]\npython = "{mlflow_python}"\nenvironment = "shared"\n'
    with serving_models(place, config) as running:
        yield running


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", sorted(EXPECTED))
def test_a_page(serving: PlatformProcess, mlflow_python: str, page: str, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(program(PAGES / f"{page}.md").replace(DOCUMENTED_URL, serving.url))
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LAKESERVE_", "MLFLOW_"))}
    done = subprocess.run(
        [mlflow_python, script],
        env={**inherited, **serving.environment, "MLFLOW_TRACKING_TOKEN": serving.token},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.endswith(EXPECTED[page]), done.stdout
    assert not (tmp_path / "mlflow.db").exists()
