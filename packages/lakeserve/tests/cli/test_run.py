import sys
from pathlib import Path

import pytest
from lakeserve.app.server import stop_signals
from lakeserve.cli.run import known_token, run_program
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings(data_dir=tmp_path / "data", token="dapi-of-my-own")


async def run(settings: Settings, *program: str) -> int:
    with stop_signals() as stop:
        token = known_token(settings, None)
        return await run_program(program, "http://127.0.0.1:1", token, stop)


async def test_the_program_sees_host_and_token(settings: Settings, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    source = f"""
import os
with open({str(seen)!r}, "w") as f:
    f.write(os.environ["DATABRICKS_HOST"] + " " + os.environ["DATABRICKS_TOKEN"])
"""
    assert await run(settings, sys.executable, "-c", source) == 0
    assert seen.read_text() == "http://127.0.0.1:1 dapi-of-my-own"


@pytest.mark.parametrize("code", [0, 3])
async def test_the_exit_status_is_the_programs(settings: Settings, code: int) -> None:
    assert await run(settings, sys.executable, "-c", f"raise SystemExit({code})") == code


async def test_a_signal_becomes_a_shells_exit_status(settings: Settings) -> None:
    source = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert await run(settings, sys.executable, "-c", source) == 128 + 9


async def test_a_program_that_does_not_exist_is_named(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="no-such-program"):
        await run(settings, "no-such-program")


def test_a_token_that_only_its_owner_knows(settings: Settings, tmp_path: Path) -> None:
    unknown = load_settings(data_dir=tmp_path / "data", generate_token=True)
    assert known_token(unknown, "made") == "made"
    assert known_token(settings, "made") == "dapi-of-my-own"
    with pytest.raises(ConfigurationError, match="--token or LAKESERVE_TOKEN"):
        known_token(unknown, None)
