"""``lakeserve up``: start the platform and serve until Ctrl-C."""

import asyncio
import contextlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from lakeserve.app.logs import configure_logging
from lakeserve.cli.options import settings_from, settings_options
from lakeserve.settings import Settings


@click.command(name="up")
@settings_options
@click.option(
    "--gateway-workers",
    type=click.IntRange(0, 64),
    help="Processes that share the port and answer calls of endpoints, one for each core at best."
    " [LAKESERVE_GATEWAY_WORKERS; default: 0, the platform's own process]",
)
def command(**options: Any) -> None:
    """Start the platform and serve until Ctrl-C.

    Prints a banner with the address, the token and what to type next, once the models that start
    with the platform are ready.
    """
    settings = settings_from(**options)
    configure_logging(settings)
    import uvloop

    uvloop.run(_serve(settings))


def report(line: str) -> None:
    """Show a line of progress; standard output stays free for the banner."""
    click.echo(f"lakeserve: {line}", err=True)


async def _serve(settings: Settings) -> None:
    from lakeserve.app.platform import Platform
    from lakeserve.app.server import stop_signals

    with stop_signals() as stop:
        async with Platform(settings) as platform:
            stopping = asyncio.create_task(stop.wait())
            ready = asyncio.create_task(platform.eager_ready(report))
            await asyncio.wait({stopping, ready}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
                click.echo(
                    banner(
                        platform.url,
                        settings,
                        tls_url=platform.tls_url,
                        new_token=platform.new_token,
                    )
                )
                server = asyncio.create_task(platform.stopped())
                await asyncio.wait({stopping, server}, return_when=asyncio.FIRST_COMPLETED)
            await _cancel(ready, stopping)
            report(f"stopping; calls in flight get up to {settings.drain_timeout_s:g} s")


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def banner(
    url: str,
    settings: Settings,
    *,
    tls_url: str | None = None,
    new_token: str | None = None,
) -> str:
    """What a person needs to go on: at most 12 lines."""
    shown, export = _token_lines(settings, new_token)
    https = "" if tls_url is None else f"  https  {tls_url}  (to trust it: lakeserve tls ca)\n"
    return f"""\
lakeserve {version("lakeserve")} serves at {url} - compatible with Databricks Model Serving
  token  {shown}
{https}  data   {_shown(settings.data_dir)}
  stop   Ctrl-C

  export DATABRICKS_HOST={url}
  export DATABRICKS_TOKEN={export}
  curl -s $DATABRICKS_HOST/serving-endpoints/databricks-dbrx-instruct/invocations \\
    -H "Authorization: Bearer $DATABRICKS_TOKEN" \\
    -d '{{"messages": [{{"role": "user", "content": "What is MLflow?"}}]}}'
"""


def _token_lines(settings: Settings, new_token: str | None) -> tuple[str, str]:
    """What the banner says of the administrator's token, and what it exports."""
    token = settings.administrator_token
    if new_token is not None:
        return f"{new_token}  (shown this once: keep it)", new_token
    if token is None:
        return "yours, shown when it was made", "<your token>"
    note = "  (public; works on this machine only)" if settings.uses_development_token else ""
    return f"{token}{note}", token


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)
