"""A gateway without a platform in its process: it follows the database, and passes the rest on."""

import contextlib
import socket
from pathlib import Path
from types import TracebackType

from lakeserve.app.data_plane import open_gateway, open_guardrails
from lakeserve.app.https import serving_https
from lakeserve.app.run_file import find_running, own_data_directory
from lakeserve.app.server import Serving, dispatch, front_of
from lakeserve.control.secrets.keys import existing_key_ring
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.ports import Activator
from lakeserve.gateway.control_proxy import ControlProxy, NoControl
from lakeserve.reconcile.addresses import parse_address
from lakeserve.reconcile.books import PlatformBooks
from lakeserve.reconcile.follower import Follower
from lakeserve.reconcile.gateway_link import NoPlatform, PlatformLink
from lakeserve.settings import Settings
from lakeserve.storage.database import open_storage


def control_of(settings: Settings) -> ControlProxy | NoControl:
    """What answers beside the data plane: the platform that the settings name or that runs here.

    Must be called inside a running event loop.
    """
    url = settings.control_url
    if url is None:
        running = find_running(settings.data_dir)
        url = None if running is None else running.url
    if url is None:
        return NoControl()
    return ControlProxy(parse_address(url), settings.max_request_bytes)


class StandaloneGateway:
    """Serves the data plane; an asynchronous context manager, as ``Platform`` is.

    Args:
        settings: Database, keys and limits.
        listener: Where it listens.
        control: Answers everything else.
        link: The socket of the platform on this machine, or None when there is none.
        tls_listener: Where it listens for https, or None.

    Raises:
        ConfigurationError: On entering: the database or a master key cannot be had.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        control: ControlProxy | NoControl,
        link: Path | None,
        tls_listener: socket.socket | None = None,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._control = control
        self._link = link
        self._tls_listener = tls_listener
        self._serving: Serving | None = None
        self._cleanup = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "StandaloneGateway":
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._cleanup = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._cleanup.aclose()

    async def ended(self) -> None:
        """Wait until the server ends by itself, which only a fault makes it do."""
        if self._serving is not None:
            await self._serving.ended()

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        settings = self._settings
        storage = await open_storage(settings)
        stack.push_async_callback(storage.close)
        secrets = Vault(storage, await existing_key_ring(storage, settings))
        follower = Follower(storage, settings, secrets, reaches_workers=self._link is not None)
        await follower.start()
        stack.push_async_callback(follower.stop)
        activator: Activator = NoPlatform()
        if self._link is not None:
            activator = link = PlatformLink(self._link, follower.catch_up)
            link.start()
            stack.push_async_callback(link.stop)

        if self._link is None:
            # Nobody else moves the journals of this data directory.
            stack.enter_context(own_data_directory(settings.data_dir))
            books = PlatformBooks(storage, settings)
            stack.push_async_callback(books.stop)
            books.start()
        gateway = await open_gateway(
            *(stack, settings, storage, follower, activator, open_guardrails(settings)),
            is_one_of_several=self._link is not None,
        )
        if isinstance(self._control, ControlProxy):
            stack.callback(self._control.close)
        app = dispatch(gateway, self._control)
        front = front_of(gateway, settings)
        self._serving = Serving(app, settings, self._listener, front=front)
        stack.push_async_callback(self._serving.stop)
        if self._tls_listener is not None:
            await stack.enter_async_context(serving_https(app, settings, self._tls_listener, front))
        stack.push_async_callback(gateway.aclose, settings.drain_timeout_s)
        await self._serving.begun()
