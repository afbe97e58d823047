import pytest
from click.testing import CliRunner
from lakeserve.cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grant", "mine", "CAN_RUN", "--group", "users"], "'CAN_RUN' is not one of CAN_VIEW"),
        (
            ["grant", "mine", "CAN_VIEW", "--type", "cluster", "--group", "users"],
            "'CAN_VIEW' is not one of CAN_ATTACH_TO",
        ),
        (["grant", "mine", "CAN_VIEW"], "exactly one of --user, --group and --service-principal"),
        (["revoke", "mine", "--user", "a", "--group", "b"], "exactly one of --user, --group"),
        (["list"], "Missing argument 'OBJECT'"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("DATABRICKS_TOKEN", "x")
    result = CliRunner().invoke(cli, ["permissions", *arguments])
    assert result.exit_code == 2
    assert message in result.output
