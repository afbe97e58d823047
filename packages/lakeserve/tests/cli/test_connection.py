import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from lakeserve.cli.connection import confirm, connected, show, told
from lakeserve.cli.exits import Unreached
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
        pytest.raises(Unreached, match=r"no platform runs on .*lakeserve up"),
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
    with pytest.raises(Unreached, match="has no work profile"), connected("work", None, None):
        pass


def test_a_failure_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["tokens", "list", "--data-dir", str(tmp_path)])
    assert isinstance(result.exception, Unreached)
    assert "\n" not in str(result.exception)


def test_a_table_on_a_terminal_and_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, Any]] = [{"name": "a b\tc", "ready": "READY"}]
    show(rows, ["name", "ready"], as_json=False)
    assert capsys.readouterr().out == "name\tready\na b c\tREADY\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    show(rows, ["name", "ready"], as_json=False)
    assert "\x1b[32mREADY" in capsys.readouterr().out


def test_questions_are_asked_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    confirm("delete it", yes=True)
    with pytest.raises(click.UsageError, match=r"to delete it without a terminal.*--yes"):
        confirm("delete it", yes=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    with pytest.raises(click.Abort):
        confirm("delete it", yes=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "y")
    confirm("delete it", yes=False)
