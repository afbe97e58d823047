"""The composition root: the one place that knows every room."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from types import TracebackType

from lakeserve.app.data_plane import open_gateway, open_guardrails
from lakeserve.app.gateway_processes import GatewayProcesses
from lakeserve.app.https import serving_https
from lakeserve.app.listening import listen, listen_beside, listen_together, url_of
from lakeserve.app.run_file import own_data_directory, run_file
from lakeserve.app.runner import open_runner
from lakeserve.app.server import AsgiApp, Serving, dispatch, front_of
from lakeserve.app.sockets import Sockets
from lakeserve.control.app import create_control_app
from lakeserve.control.bootstrap import apply_settings
from lakeserve.control.certificate import ready_certificate
from lakeserve.control.secrets.keys import open_key_ring
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.certificates import present
from lakeserve.gateway.app import Gateway
from lakeserve.reconcile.books import PlatformBooks
from lakeserve.reconcile.gateway_link import GatewayLink
from lakeserve.reconcile.supervisor import Supervisor
from lakeserve.settings import Settings
from lakeserve.storage.database import open_storage


class Platform:
    """One lakeserve platform: database, reconciler, control plane and gateway in one process.

    With ``gateway_workers`` in the settings, processes of their own are the gateway, and this one
    answers what they pass on.

    Use as an asynchronous context manager. Entering it takes the data directory, binds the port and
    starts to serve; leaving it drains the calls in flight and stops every worker.

    Raises:
        ConfigurationError: On entering: the data directory or the port is taken, or a setting names
            something that does not exist.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cleanup = contextlib.AsyncExitStack()
        self._supervisor: Supervisor | None = None
        self._serving: Serving | None = None
        self.url = ""
        self.tls_url: str | None = None
        self.new_token: str | None = None

    async def __aenter__(self) -> "Platform":
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

    async def eager_ready(self, progress: Callable[[str], None]) -> None:
        """Wait until the workers that start with the platform serve, or have failed.

        Args:
            progress: Called with a line for people whenever a step takes longer than a second.
        """
        if self._supervisor is not None:
            await self._supervisor.eager_ready(
                progress, timeout_s=self._settings.engine.start_timeout_s
            )

    async def stopped(self) -> None:
        """Wait until the HTTP server ends by itself, which only a fault makes it do."""
        if self._serving is not None:
            await self._serving.ended()

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        settings = self._settings
        stack.enter_context(own_data_directory(settings.data_dir))
        listeners = stack.enter_context(self._listen("http", settings.port))
        storage = await open_storage(settings)
        stack.push_async_callback(storage.close)
        self.new_token = await apply_settings(storage, settings)

        sockets = stack.enter_context(Sockets.of(settings.data_dir))
        link = GatewayLink()
        secrets = Vault(storage, await open_key_ring(storage, settings))
        runner = await open_runner(stack, settings)
        supervisor = Supervisor(storage, runner, settings, secrets, announce=link.announce)
        stack.push_async_callback(supervisor.stop, settings.drain_timeout_s)
        await supervisor.start()
        self._supervisor = supervisor
        await link.start(sockets.link, supervisor)
        stack.push_async_callback(link.stop)

        books = PlatformBooks(storage, settings, supervisor)
        stack.push_async_callback(books.stop)
        books.start()
        guardrails = open_guardrails(settings)
        control = create_control_app(
            storage,
            supervisor,
            supervisor,
            settings,
            secrets,
            supervisor,
            books.metrics,
            guardrails.abilities,
        )
        if settings.gateway_workers:
            await self._serve_behind(stack, control, sockets, listeners)
        else:
            gateway = await open_gateway(
                *(stack, settings, storage, supervisor, supervisor, guardrails),
                is_one_of_several=False,
            )
            await self._serve(stack, dispatch(gateway, control), gateway, listeners[0])
        stack.enter_context(run_file(settings.data_dir, self.url))

    @contextlib.contextmanager
    def _listen(self, scheme: str, port: int) -> Iterator[list[socket.socket]]:
        """A socket for each process that answers, and the address that clients use."""
        host, count = self._settings.host, self._settings.gateway_workers
        option = "--port" if scheme == "http" else "--tls-port"
        with contextlib.ExitStack() as stack:
            if count:
                listeners = stack.enter_context(listen_together(host, port, count, option))
            else:
                listeners = [stack.enter_context(listen(host, port, option))]
            url = url_of(host, listeners[0].getsockname()[1], scheme)
            if scheme == "http":
                self.url = url
            else:
                self.tls_url = url
            yield listeners

    async def _serve(
        self,
        stack: contextlib.AsyncExitStack,
        app: AsgiApp,
        gateway: Gateway,
        listener: socket.socket,
    ) -> None:
        """Answer everything in this process."""
        settings = self._settings
        front = front_of(gateway, settings)
        self._serving = Serving(app, settings, listener, front=front)
        stack.push_async_callback(self._serving.stop)
        if settings.tls:
            (tls_listener,) = stack.enter_context(self._listen("https", settings.tls_port))
            await stack.enter_async_context(serving_https(app, settings, tls_listener, front))
        stack.push_async_callback(gateway.aclose, settings.drain_timeout_s)
        await self._serving.begun()

    async def _serve_behind(
        self,
        stack: contextlib.AsyncExitStack,
        control: AsgiApp,
        sockets: Sockets,
        listeners: list[socket.socket],
    ) -> None:
        """Answer what gateways in other processes pass on."""
        settings = self._settings
        listener = stack.enter_context(listen_beside(sockets.http))
        self._serving = Serving(control, settings, listener, behind=True)
        stack.push_async_callback(self._serving.stop)
        await self._serving.begun()
        tls_listeners: list[socket.socket] = []
        if settings.tls:
            ready_certificate(settings, present())  # once, before they all look for it
            tls_listeners = stack.enter_context(self._listen("https", settings.tls_port))
        processes = GatewayProcesses(settings, listeners, sockets, tls_listeners)
        stack.push_async_callback(processes.stop)
        await processes.start()
