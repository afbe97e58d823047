"""How commands reach a platform or a workspace: through databricks-sdk, and what they print."""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lakeserve.cli.exits import ServerError, Unreached
from lakeserve.cli.options import config_option
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings, databricks_host, load_settings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

WIDEST = 10_000
# databricks-sdk by itself goes on asking an address where nobody listens for five minutes.
PATIENCE_S = 5
COLOURS = {
    "READY": "green",
    "RUNNING": "green",
    "NOT_READY": "yellow",
    "IN_PROGRESS": "yellow",
    "UPDATE_FAILED": "red",
    "ERROR": "red",
}

_UNKNOWN_TOKEN = "Invalid access token"  # noqa: S105 - what platforms and workspaces answer
_WHERE = (
    "Start a platform (lakeserve up), or name one: DATABRICKS_HOST and DATABRICKS_TOKEN, or"
    " --profile"
)
_WHO = "Give a token that is known there: DATABRICKS_TOKEN, or --profile"

# What databricks-sdk puts after the server's text when a login fails.
_SDK_DETAILS = re.compile(r" Config: \w+=.*$")

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--profile",
        help="Profile of ~/.databrickscfg to use instead of DATABRICKS_HOST and DATABRICKS_TOKEN.",
    ),
    config_option,
    click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Use the platform that runs on this directory, with its token."
        " [LAKESERVE_DATA_DIR; default: ~/.lakeserve]",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs."),
)


yes_option = click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")


def connection_options(command: Command) -> Command:
    """Give a command the options that say which platform it speaks to, and how it prints."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def connected(
    profile: str | None, config: Path | None, data_dir: Path | None
) -> "Iterator[WorkspaceClient]":
    """A client of the platform or workspace that the options and the environment name.

    A profile wins, then a data directory given as an option, then ``DATABRICKS_HOST``, then the
    platform that runs on the data directory of the settings.

    Raises:
        ConfigurationError: databricks-sdk is not installed, or the options name two places.
        Unreached: There is none, it does not answer, or it does not accept the credentials.
        ServerError: It refused a call of the block.
    """
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config
        from databricks.sdk.errors import PermissionDenied, Unauthenticated
        from databricks.sdk.errors.base import DatabricksError
    except ImportError:
        raise ConfigurationError(
            "this command needs databricks-sdk: pip install 'lakeserve[cli]'"
        ) from None
    # It warns of what its error says anyway.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    arguments = _login(profile, config, data_dir)
    try:
        login = Config(**arguments, product="lakeserve-cli", retry_timeout_seconds=PATIENCE_S)
    except (ValueError, OSError) as error:
        raise Unreached(f"{_sentence(error)} {_WHERE}") from None
    try:
        yield WorkspaceClient(config=login)
    except Unauthenticated as error:
        raise Unreached(f"{_sentence(error)} {_WHO}") from None
    except PermissionDenied as error:
        refused = _one_line(error)
        if refused.startswith(_UNKNOWN_TOKEN):
            raise Unreached(f"{_sentence(error)} {_WHO}") from None
        raise ServerError(refused) from None
    except DatabricksError as error:
        raise ServerError(_one_line(error)) from None
    except OSError as error:
        raise Unreached(f"{login.host} does not answer: {_sentence(error)} {_WHERE}") from None
    except ValueError as error:
        raise ServerError(_one_line(error)) from None


def _one_line(error: Exception) -> str:
    return _SDK_DETAILS.sub("", " ".join(str(error).split()))


def _sentence(error: Exception) -> str:
    return f"{_one_line(error).removesuffix('.')}."


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows: a table for people, a list of objects for programs."""
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], ensure_ascii=False))
        return
    if not sys.stdout.isatty():
        for row in ({column: column for column in columns}, *rows):
            click.echo("\t".join(_plain(row.get(column, "")) for column in columns))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        cells = (_plain(row.get(column, "")) for column in columns)
        table.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in cells))
    console = Console()
    # Names are for pasting: a table that is too wide leaves the window rather than cut them.
    wide = console.options.update(width=WIDEST)
    console.width = max(console.width, console.measure(table, options=wide).maximum)
    console.print(table, soft_wrap=True)


def _plain(value: object) -> str:
    """A value on one line and in one column."""
    return " ".join(str(value).split())


def told(text: str, facts: dict[str, Any], *, as_json: bool) -> None:
    """Print what a change did: a sentence for people, an object for programs."""
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else text)


def confirm(what: str, *, yes: bool) -> None:
    """Ask a person before something is lost; a program has to say ``--yes``.

    Args:
        what: What is about to happen, as an infinitive without "to".
        yes: Whether the option was given.

    Raises:
        click.UsageError: Nobody can be asked.
        click.Abort: The answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"to {what} without a terminal to ask on, pass --yes")
    click.confirm(f"{what}?", abort=True, err=True)


def _login(profile: str | None, config: Path | None, data_dir: Path | None) -> "dict[str, Any]":
    if profile is not None:
        if databricks_host() is not None:
            # The variables would win over the profile, and the call go where nobody expects it.
            raise ConfigurationError(
                f"--profile {profile} and DATABRICKS_HOST={databricks_host()} name two places;"
                " run 'unset DATABRICKS_HOST DATABRICKS_TOKEN' or leave --profile out"
            )
        return {"profile": profile}
    if data_dir is None and databricks_host() is not None:
        return {}  # databricks-sdk reads them itself
    settings = load_settings(config, data_dir=data_dir)
    url = _running_url(settings)
    if settings.administrator_token is None:
        raise Unreached(
            f"the token of the platform at {url} is known to its owner only; run 'export"
            f" DATABRICKS_HOST={url} DATABRICKS_TOKEN=...' with yours"
        )
    return {"host": url, "token": settings.administrator_token}


def _running_url(settings: Settings) -> str:
    from lakeserve.app.run_file import find_running

    running = find_running(settings.data_dir)
    if running is None:
        raise Unreached(f"no platform runs on {settings.data_dir}. {_WHERE}")
    return running.url
