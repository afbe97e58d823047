import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lakeserve.cli.connection import ServerError, connected, show, told
from lakeserve.cli.main import cli
from lakeserve.core.errors import ConfigurationError

LONG = "x" * 200


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOST", "TOKEN", "CONFIG_PROFILE"):
        monkeypatch.delenv(f"DATABRICKS_{name}", raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))


def test_rows_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [{"name": LONG, "count": 3}, {"name": "[bold]b[/]"}]
    show(rows, ["name", "count"], as_json=False)
    printed = capsys.readouterr().out
    assert LONG in printed
    assert "[bold]b[/]" in printed
    show(rows, ["name", "count"], as_json=True)
    assert json.loads(capsys.readouterr().out) == rows


def test_changes_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    told("done", {"name": "a"}, as_json=False)
    told("done", {"name": "a"}, as_json=True)
    assert capsys.readouterr().out == 'done\n{"name": "a"}\n'


def test_a_data_directory_on_which_nothing_runs(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"no platform runs on .*lakeserve up"),
        connected(None, None, tmp_path),
    ):
        pass


def test_a_profile_and_a_host_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1")
    with (
        pytest.raises(ConfigurationError, match=r"--profile work and DATABRICKS_HOST=.*unset"),
        connected("work", None, None),
    ):
        pass


def test_a_profile_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "databrickscfg").write_text("[other]\nhost = http://127.0.0.1:1\n")
    with pytest.raises(ServerError, match="has no work profile"), connected("work", None, None):
        pass


def test_a_failure_is_one_line_and_status_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["tokens", "list", "--data-dir", str(tmp_path)])
    assert isinstance(result.exception, ConfigurationError)
    assert "\n" not in str(result.exception)
