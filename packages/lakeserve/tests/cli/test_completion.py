import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from lakeserve.cli.completion import VARIABLE, WHERE
from lakeserve.cli.main import cli


@pytest.mark.parametrize("shell", WHERE)
def test_scripts_name_the_command_and_its_variable(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert VARIABLE in result.output
    assert "lakeserve" in result.output
    assert result.output.startswith(f"# {WHERE[shell]}\n")


def test_other_shells_are_refused() -> None:
    assert CliRunner().invoke(cli, ["completion", "csh"]).exit_code == 2


def words(typed: str) -> list[str]:
    """What is offered to somebody who has typed this."""
    count = len(typed.split(" ")) - 1
    program = "import sys; sys.argv[0] = 'lakeserve'; from lakeserve.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            VARIABLE: "bash_complete",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(count),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_and_options_are_completed() -> None:
    assert words("lakeserve ser") == ["service-principals"]
    assert words("lakeserve secrets create") == ["create-scope"]
    assert "--string-value" in words("lakeserve secrets put-secret --")
    assert words("lakeserve permissions list --type c") == ["cluster"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_takes_the_script(tmp_path: Path) -> None:
    script = CliRunner().invoke(cli, ["completion", "bash"]).output
    (tmp_path / "script").write_text(script)
    subprocess.run(["bash", "--norc", "-n", tmp_path / "script"], check=True)
