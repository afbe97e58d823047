import pytest
from click.testing import CliRunner
from lakeserve.cli.main import COMMANDS, cli


def test_help_lists_every_command_without_loading_it() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for name, what in COMMANDS.items():
        assert name in result.output
        assert what in " ".join(result.output.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


@pytest.mark.parametrize("name", ["up", "run", "doctor"])
def test_commands_that_take_settings_name_the_variables(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    for variable in ("LAKESERVE_CONFIG", "LAKESERVE_DATA_DIR", "LAKESERVE_PORT", "LAKESERVE_TOKEN"):
        assert variable in result.output


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["nonsense"], "nonsense"),
        (["up", "--port", "99999"], "99999"),
        (["up", "--foundation", "without-a-value"], "NAME=VALUE"),
        (["run"], "PROGRAM"),
    ],
)
def test_wrong_usage_exits_with_two_and_names_the_mistake(arguments: list[str], part: str) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert part in result.output
