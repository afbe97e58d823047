import pytest
from click.testing import CliRunner
from lakeserve.cli.main import cli


@pytest.mark.parametrize(
    "arguments",
    [
        ["create"],
        ["create-secret"],
        ["create-secret", "p", "--lifetime-seconds", "0"],
        ["delete"],
        ["nonsense"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["service-principals", *arguments]).exit_code == 2


def test_nothing_is_deleted_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1")
    result = CliRunner().invoke(cli, ["service-principals", *["delete-secret", "p", "s"]])
    assert result.exit_code == 2
    assert "--yes" in result.output
