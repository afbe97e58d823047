"""The ``lakeserve`` command: a group whose commands load only when they run."""

import importlib
import sys
from importlib.metadata import version

import click

from lakeserve.cli.exits import status_of
from lakeserve.core.errors import LakeserveError

COMMANDS = {
    "up": "Start the platform and serve until Ctrl-C.",
    "gateway": "Answer calls of endpoints beside a platform, on this machine or another.",
    "run": "Run a program against a platform, starting one if none runs.",
    "endpoints": "Serving endpoints: list, make, change, call, delete.",
    "clusters": "Driver hosts behind the driver proxy: add, list, remove.",
    "permissions": "Who may see, use and change endpoints and clusters.",
    "secrets": "Scopes, secrets and the master key that encrypts them.",
    "tokens": "Your personal access tokens.",
    "users": "Users: list, make, change, delete.",
    "groups": "Groups and their members.",
    "service-principals": "Service principals and their secrets.",
    "models": "GGUF models that endpoints can serve by name.",
    "usage": "What calls used and cost, by endpoint, user or day.",
    "tls": "How clients trust the certificate of the https listener.",
    "completion": "Print what makes a shell complete commands.",
    "doctor": "Say what is installed, what is missing, and what for.",
}


class _LazyGroup(click.Group):
    """Each command lives in a module of its name, so that ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"lakeserve.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("lakeserve"), prog_name="lakeserve")
def cli() -> None:
    """Self-hosted model serving, compatible with Databricks Model Serving."""


def main() -> None:
    """Run the command line; ``exits`` has the exit statuses."""
    try:
        cli.main(standalone_mode=True)
    except LakeserveError as error:
        click.echo(f"{click.style('lakeserve:', fg='red')} {error}", err=True)
        sys.exit(status_of(error))
