"""The wheel whose gateway is compiled: it passes the tests of what it is compiled from."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2]
TESTS = PACKAGE / "tests"
# What passes through the compiled modules, and puts nothing of its own in the place of theirs.
TESTED = (
    "gateway/limits/test_local.py",
    "gateway/limits/test_window.py",
    "gateway/test_accounting.py",
    "gateway/test_attempts.py",
    "gateway/test_direct.py",
    "gateway/test_faults.py",
    "gateway/test_inference.py",
    "gateway/test_many_streams.py",
    "gateway/test_observation.py",
    "gateway/test_plain.py",
    "gateway/test_reply.py",
    "gateway/test_sse.py",
    "gateway/test_traffic.py",
    "providers/test_faults.py",
    "providers/test_transcripts.py",
    "reconcile/test_ledger.py",
    "storage/test_frames.py",
    "storage/test_journal.py",
)

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler"),
]


def run(*command: str, **environment: str) -> str:
    result = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=PACKAGE.parents[1],
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout


def test_the_compiled_gateway(tmp_path: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    build = (uv, "build", "--python", sys.executable, "--no-build-isolation", "--offline")
    run(*build, "--out-dir", str(tmp_path), str(PACKAGE), HATCH_BUILD_HOOK_ENABLE_MYPYC="1")
    (wheel,) = tmp_path.glob("lakeserve-*.whl")
    assert not wheel.name.endswith("-none-any.whl")
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(wheel).extractall(unpacked)
    where = "import lakeserve.gateway.plain as plain; print(plain.__file__)"
    python = (sys.executable, "-c", where)
    assert run(*python, PYTHONPATH=str(unpacked)).strip().endswith(".so")
    files = [str(TESTS / name) for name in TESTED]
    seen = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files),
        PYTHONPATH=str(unpacked),
    )
    assert " passed" in seen
