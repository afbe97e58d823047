from pathlib import Path

import pytest
from click.testing import CliRunner
from lakeserve.cli.endpoints import command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "mine"], "exactly one of --model and --file"),
        (["create", "mine", "--model", "m", "--set", "x"], "--set needs FIELD=VALUE"),
        (["create", "mine", "--model", "m", "--provider", "x"], "'x' is not one of 'openai'"),
        (["create", "mine", "--file", "broken.json"], "broken.json is no JSON"),
        (["update-config", "mine", "broken.json"], "broken.json is no JSON"),
        (["query", "mine", "text", "--max-tokens", "0"], "--max-tokens"),
    ],
)
def test_wrong_usage(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{")
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("DATABRICKS_TOKEN", "x")
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert message in result.output
