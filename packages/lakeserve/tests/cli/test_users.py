import pytest
from click.testing import CliRunner
from lakeserve.cli.main import cli


@pytest.mark.parametrize(
    "arguments", [["create"], ["get"], ["delete"], ["set-active", "a", "perhaps"], ["nonsense"]]
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["users", *arguments]).exit_code == 2


def test_nothing_is_deleted_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1")
    result = CliRunner().invoke(cli, ["users", *["delete", "a"]])
    assert result.exit_code == 2
    assert "--yes" in result.output
