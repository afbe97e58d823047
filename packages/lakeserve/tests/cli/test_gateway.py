from pathlib import Path

import pytest
from click.testing import CliRunner
from lakeserve.cli.gateway import command
from lakeserve.core.errors import ConfigurationError


def test_a_directory_without_a_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["--data-dir", str(tmp_path), "--port", "0"])
    assert isinstance(result.exception, ConfigurationError)
    assert "--database-url" in str(result.exception)
    assert not (tmp_path / "lakeserve.db").exists()


def test_a_control_url_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["--control-url", "lake.example"])
    assert isinstance(result.exception, ConfigurationError)
    assert "control_url: 'lake.example' is not an http:// or https://" in str(result.exception)
