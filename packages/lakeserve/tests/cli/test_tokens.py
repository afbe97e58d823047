import pytest
from click.testing import CliRunner
from lakeserve.cli.main import cli
from lakeserve.cli.tokens import moment


@pytest.mark.parametrize(
    ("epoch_ms", "shown"),
    [(None, "never"), (-1, "never"), (0, "1970-01-01 00:00:00 UTC")],
)
def test_times(epoch_ms: int | None, shown: str) -> None:
    assert moment(epoch_ms) == shown


@pytest.mark.parametrize(
    "arguments", [["delete"], ["create", "--lifetime-seconds", "0"], ["nonsense"]]
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["tokens", *arguments]).exit_code == 2
