"""No process of the platform, nor the client, talks to anything but this machine."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CLUSTER

ROOT = Path(__file__).parents[4]
NAMESPACE = ["unshare", "--net", "--map-root-user"]
TRAP = [*NAMESPACE, sys.executable, str(Path(__file__).parent / "air_gapped.py")]


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*TRAP, *command], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    if not shutil.which("unshare") or subprocess.run([*NAMESPACE, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody make network namespaces")


def test_the_trap_catches_a_connection() -> None:
    program = (
        "import socket; s = socket.socket(); s.settimeout(0.2); s.connect(('198.51.100.7', 80))"
    )
    assert "packets were sent to 198.51.100.7" in run(sys.executable, "-c", program).stderr


def test_the_platform_and_the_examples_stay_on_loopback(tmp_path: Path) -> None:
    result = run(
        *(sys.executable, "-m", "lakeserve.cli", "run", "--port", "0"),
        *("--data-dir", str(tmp_path / "data"), "--cluster", f"{CLUSTER}=127.0.0.1"),
        *("--", sys.executable, "-m", "examples"),
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert "FAILED" not in result.stdout
