"""``lakeserve run -- PROGRAM``: a program with a platform around it."""

import asyncio
import sys
import urllib.error
import urllib.request
from typing import Any

import click

from lakeserve.app.logs import configure_logging
from lakeserve.cli.options import settings_from, settings_options
from lakeserve.cli.up import banner, report
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings, inherited_environment

PROBE_TIMEOUT_S = 5


@click.command(name="run", context_settings={"ignore_unknown_options": True})
@settings_options
@click.option("--stay", is_flag=True, help="Go on serving after PROGRAM has ended, until Ctrl-C.")
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
def command(program: tuple[str, ...], stay: bool, **options: Any) -> None:
    """Run PROGRAM with DATABRICKS_HOST and DATABRICKS_TOKEN set.

    A platform that already runs on the same data directory is used; otherwise one is started and
    stopped again when the program ends. The exit status is the program's.

    With --stay a platform that was started here prints its banner afterwards and goes on serving.

    Example: lakeserve run -- python app.py
    """
    settings = settings_from(**options)
    configure_logging(settings)
    import uvloop

    sys.exit(uvloop.run(_run(settings, program, stay=stay)))


async def _run(settings: Settings, program: tuple[str, ...], *, stay: bool) -> int:
    from lakeserve.app.platform import Platform
    from lakeserve.app.run_file import find_running
    from lakeserve.app.server import stop_signals

    running = find_running(settings.data_dir)
    if running is not None:
        token = known_token(settings, None)
        await asyncio.to_thread(_check_token, running.url, token)
        with stop_signals() as stop:
            return await run_program(program, running.url, token, stop)
    with stop_signals() as stop:
        async with Platform(settings) as platform:
            token = known_token(settings, platform.new_token)
            if platform.new_token is not None:
                report(f"the administrator's token, shown this once: {token}")
            await platform.eager_ready(report)
            code = await run_program(program, platform.url, token, stop)
            if stay and not stop.is_set():
                click.echo(f"\n{banner(platform.url, settings, tls_url=platform.tls_url)}")
                await stop.wait()
            return code


def known_token(settings: Settings, made: str | None) -> str:
    """The administrator's token for a program to use.

    Args:
        settings: May name it.
        made: The token that this start has made, if any.

    Raises:
        ConfigurationError: Only its owner knows it.
    """
    token = settings.administrator_token or made
    if token is None:
        raise ConfigurationError(
            "the administrator's token was shown when it was made; give it with --token or"
            " LAKESERVE_TOKEN"
        )
    return token


async def run_program(program: tuple[str, ...], url: str, token: str, stop: asyncio.Event) -> int:
    """Run a program with the platform's host and token; ``stop`` ends it.

    Returns:
        Its exit status; 128 and the signal's number when a signal ended it.

    Raises:
        ConfigurationError: It cannot be started.
    """
    environment = inherited_environment() | {
        "DATABRICKS_HOST": url,
        "DATABRICKS_TOKEN": token,
    }
    try:
        process = await asyncio.create_subprocess_exec(*program, env=environment)
    except OSError as error:
        raise ConfigurationError(f"cannot start {program[0]!r}: {error.strerror}") from None
    ended = asyncio.create_task(process.wait())
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not ended.done():
        process.terminate()
    code = await ended
    return code if code >= 0 else 128 - code


def _check_token(url: str, token: str) -> None:
    """Find out early that the running platform was started with another token."""
    request = urllib.request.Request(  # noqa: S310 - the address comes from our own run file
        f"{url}/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_S).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        raise ConfigurationError(
            f"the platform at {url} refuses this token (HTTP {error.code}): "
            "pass the token it was started with (--token or LAKESERVE_TOKEN)"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"the platform at {url} does not answer: {error}") from None
