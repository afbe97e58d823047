"""Options that more than one command takes; each has an environment variable of the same name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lakeserve.settings import Settings, load_settings

Command = TypeVar("Command", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with settings. [LAKESERVE_CONFIG; default: lakeserve.toml here, if any]",
)

_OPTIONS = (
    config_option,
    click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Directory that holds everything. [LAKESERVE_DATA_DIR; default: ~/.lakeserve]",
    ),
    click.option("--host", help="Address to listen on. [LAKESERVE_HOST; default: 127.0.0.1]"),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        help="Port to listen on, 0 for any free one. [LAKESERVE_PORT; default: 8400]",
    ),
    click.option(
        "--tls/--no-tls",
        default=None,
        help="Listen for https too, by a certificate made here. [LAKESERVE_TLS]",
    ),
    click.option(
        "--tls-port",
        type=click.IntRange(0, 65535),
        help="Port for https. [LAKESERVE_TLS_PORT; default: 8443]",
    ),
    click.option(
        "--token",
        help="The administrator's token. [LAKESERVE_TOKEN; default: a development token on loopback"
        " addresses, elsewhere a random one that is made and shown once]",
    ),
    click.option(
        "--generate-token",
        is_flag=True,
        default=None,
        help="Make and show a random token on loopback addresses, too. [LAKESERVE_GENERATE_TOKEN]",
    ),
    click.option(
        "--database-url",
        help="A PostgreSQL database instead of a SQLite file. [LAKESERVE_DATABASE_URL, which keeps"
        " the password out of process listings]",
    ),
    click.option(
        "--foundation",
        multiple=True,
        metavar="ENDPOINT=WHAT",
        help="What serves a foundation endpoint: demo, minilm, the path of a GGUF file, or the"
        " address of an OpenAI-compatible server. Repeatable. [LAKESERVE_FOUNDATION, as JSON]",
    ),
    click.option(
        "--cluster",
        multiple=True,
        metavar="ID=HOST",
        help="A driver host for the driver proxy. Repeatable. [LAKESERVE_CLUSTERS, as JSON]",
    ),
    click.option(
        "--runner",
        type=click.Choice(["process", "ray"]),
        help="Where workers run: on this machine, or on a Ray cluster. [LAKESERVE_RUNNER; default:"
        " process]",
    ),
    click.option(
        "--ray-address",
        help="HOST:PORT of the Ray cluster's head. [LAKESERVE_RAY_ADDRESS; default: auto]",
    ),
    click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        help="How much to log. [LAKESERVE_LOG_LEVEL; default: warning]",
    ),
)


def settings_options(command: Command) -> Command:
    """Give a command the options of the settings; read them with :func:`settings_from`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings_from(
    config: Path | None, foundation: tuple[str, ...], cluster: tuple[str, ...], **flags: Any
) -> Settings:
    """The settings of one command line.

    Raises:
        ConfigurationError: A setting is unknown or its value refused.
        click.UsageError: ``--foundation`` or ``--cluster`` is not ``NAME=VALUE``.
    """
    return load_settings(
        config,
        foundation=_pairs("--foundation", foundation),
        clusters=_pairs("--cluster", cluster),
        **flags,
    )


def _pairs(option: str, values: tuple[str, ...]) -> dict[str, str] | None:
    pairs: dict[str, str] = {}
    for value in values:
        name, equals, what = value.partition("=")
        if not (name and equals and what):
            raise click.UsageError(f"{option} {value!r} is not of the form NAME=VALUE")
        pairs[name] = what
    return pairs or None
