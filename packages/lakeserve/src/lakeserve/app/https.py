"""https beside http, with certificates that are made anew in time."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

from lakeserve.app.server import AsgiApp, Serving
from lakeserve.control.certificate import ready_certificate
from lakeserve.core.certificates import present
from lakeserve.core.errors import ConfigurationError
from lakeserve.gateway.direct import Front
from lakeserve.settings import Settings

logger = logging.getLogger(__name__)

RENEWAL_S = 12 * 3600


@contextlib.asynccontextmanager
async def serving_https(
    app: AsgiApp, settings: Settings, listener: socket.socket, front: Front | None = None
) -> AsyncIterator[None]:
    """Serve https on a listening socket.

    Raises:
        ConfigurationError: There is no certificate to be had.
    """
    files = ready_certificate(settings, present())
    serving = Serving(app, settings, listener, front=front, files=files)
    await serving.begun()
    renewing = asyncio.create_task(_renew(serving, settings))
    try:
        yield
    finally:
        renewing.cancel()
        await serving.stop()


async def _renew(serving: Serving, settings: Settings) -> None:
    while True:
        await asyncio.sleep(RENEWAL_S)
        try:
            serving.use_certificate(await asyncio.to_thread(ready_certificate, settings, present()))
        except (ConfigurationError, OSError):
            logger.exception("the certificate for https was not renewed; trying again later")
