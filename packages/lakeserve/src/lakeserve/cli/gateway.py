"""``lakeserve gateway``: answer calls of endpoints beside a platform."""

import asyncio
from typing import Any

import click

from lakeserve.app.logs import configure_logging
from lakeserve.cli.options import settings_from, settings_options
from lakeserve.cli.up import report
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings


@click.command(name="gateway")
@settings_options
@click.option(
    "--control-url",
    help="The platform that answers everything beside calls of endpoints."
    " [LAKESERVE_CONTROL_URL; default: the one of the data directory, if it runs]",
)
def command(**options: Any) -> None:
    """Answer calls of endpoints from the database of a platform, until Ctrl-C.

    Any number of gateways on any number of machines can share one PostgreSQL database. Each needs
    the platform's settings, and its master keys in LAKESERVE_SECRET_KEYS.
    """
    settings = settings_from(**options)
    configure_logging(settings)
    import uvloop

    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from lakeserve.app.listening import listen, url_of
    from lakeserve.app.server import stop_signals
    from lakeserve.app.sockets import Sockets
    from lakeserve.app.standalone import StandaloneGateway, control_of

    _check_database(settings)
    link = Sockets.within(settings.data_dir / "sockets").link
    with stop_signals() as stop, listen(settings.host, settings.port) as listener:
        control = control_of(settings)
        async with StandaloneGateway(
            settings, listener, control, link if link.is_socket() else None
        ) as gateway:
            click.echo(f"gateway serves at {url_of(settings.host, listener.getsockname()[1])}")
            ended = asyncio.ensure_future(gateway.ended())
            stopping = asyncio.ensure_future(stop.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for waiting in (ended, stopping):
                waiting.cancel()
            report(f"stopping; calls in flight get up to {settings.drain_timeout_s:g} s")


def _check_database(settings: Settings) -> None:
    if settings.database_url is None and not settings.database_path.is_file():
        raise ConfigurationError(
            f"there is no platform in {settings.data_dir}: no database. Name a PostgreSQL database"
            " (--database-url), or the data directory of a platform on this machine (--data-dir)"
        )
