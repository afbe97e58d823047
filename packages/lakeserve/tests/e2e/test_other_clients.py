"""The clients of others, unmodified, in the environment that ``make test`` gives them."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from e2e.client_calls import CALLS
from e2e.driver_app import driver_app
from harness import CLUSTER, PlatformProcess

PROGRAMS = sorted((Path(__file__).parent / "clients").glob("*_client.py"))
INTERPRETER = "OTHER_CLIENTS_PYTHON"
# Older releases that do not stand beside the others.
INTERPRETERS = {"documented_page_client": "DOCUMENTED_CLIENTS_PYTHON"}


def test_every_client_has_its_program() -> None:
    assert {path.stem for path in PROGRAMS} == set(CALLS)


@pytest.mark.parametrize("program", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_client(platform: PlatformProcess, shared_data_dir: Path, program: Path) -> None:
    variable = INTERPRETERS.get(program.stem, INTERPRETER)
    interpreter = os.environ.get(variable)
    if interpreter is None:
        pytest.skip(f"{variable} names no interpreter that has these clients (make test does)")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LAKESERVE_", "OPENAI_"))}
    with driver_app() as port:
        facts = {
            "MLFLOW_TRACKING_URI": "file:///dev/null",
            "HTTPS_HOST": platform.tls_url,
            "HTTPS_AUTHORITY": str(shared_data_dir / "tls" / "certificate.pem"),
            "CLUSTER_ID": CLUSTER,
            "DRIVER_PORT": str(port),
        }
        result = subprocess.run(
            [Path(interpreter).absolute(), program],
            env=inherited | platform.environment | facts,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert result.returncode == 0, result.stderr[-4000:]
    *_, told, last = result.stdout.splitlines()
    assert last == "passed"
    calls = json.loads(told)
    expected = CALLS[program.stem]
    assert expected.driven <= set(calls["made"])
    # A call that a newer client offers belongs into the table as well.
    assert set(calls["offered"]) - set(calls["made"]) == expected.left_out
