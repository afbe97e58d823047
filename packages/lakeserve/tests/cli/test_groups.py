import pytest
from click.testing import CliRunner
from lakeserve.cli.main import cli


@pytest.mark.parametrize(
    "arguments", [["create"], ["add-member", "g"], ["remove-member"], ["delete"], ["nonsense"]]
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["groups", *arguments]).exit_code == 2


def test_nothing_is_deleted_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1")
    result = CliRunner().invoke(cli, ["groups", *["delete", "g"]])
    assert result.exit_code == 2
    assert "--yes" in result.output
