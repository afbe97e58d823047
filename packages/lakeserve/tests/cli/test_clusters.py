from pathlib import Path

import pytest
from click.testing import CliRunner
from lakeserve.cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "c"], "Missing option '--host'"),
        (["add", "c", "--host", "h", "--ca-file", "authority.pem"], "--ca-file needs --tls"),
        (["add", "c", "--host", "h", "--tls", "--ca-file", "none.pem"], "'none.pem' does not"),
        (["add", "c", "--host", "h", "--tls", "--ca-file", "authority.pem"], "is no text in PEM"),
        (["get"], "Missing argument 'CLUSTER_ID'"),
        (["remove", "c"], "pass --yes"),
    ],
)
def test_wrong_usage(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "authority.pem").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("DATABRICKS_TOKEN", "x")
    result = CliRunner().invoke(cli, ["clusters", *arguments])
    assert result.exit_code == 2
    assert message in result.output
