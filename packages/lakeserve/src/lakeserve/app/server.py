"""The HTTP server that the platform and its gateways run."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, cast

import uvicorn

from lakeserve.control.certificate import CertificateFiles
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.direct import Front
from lakeserve.gateway.driver_socket import MAX_MESSAGE_BYTES
from lakeserve.gateway.joined_writes import JoinedWritesProtocol
from lakeserve.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

KEEP_ALIVE_S = 75
SERVED = frozenset({"http", "websocket"})
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """A uvicorn server that says when it serves and leaves signals to the platform."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Serving:
    """A server that runs in a task of its own.

    Args:
        app: What answers.
        settings: Log level and time to drain.
        listener: Where it listens.
        front: See :func:`server_config`.
        behind: See :func:`server_config`.
        files: See :func:`server_config`.
    """

    def __init__(
        self,
        app: AsgiApp,
        settings: Settings,
        listener: socket.socket,
        *,
        front: Front | None = None,
        behind: bool = False,
        files: CertificateFiles | None = None,
    ) -> None:
        config = server_config(app, settings, front=front, behind=behind, files=files)
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def begun(self) -> None:
        """Wait until it serves."""
        await self._server.serving.wait()

    def use_certificate(self, files: CertificateFiles) -> None:
        """Show another certificate to connections from now on."""
        if self._server.config.ssl is not None:
            self._server.config.ssl.load_cert_chain(files.certificate, files.key)

    async def ended(self) -> None:
        """Wait until it ends by itself, which only a fault makes it do."""
        await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Take no new connections, and wait until those that are open have been answered."""
        self._server.should_exit = True
        await self._task


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, instead of ending the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def web_socket_protocol(**facts: Any) -> asyncio.Protocol:
    """What speaks WebSocket with a caller; loaded when the first one comes."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**facts)


def front_of(gateway: Gateway, settings: Settings) -> Front:
    """What takes a gateway's calls off its connections."""
    return Front(gateway, settings.request_timeout_s, KEEP_ALIVE_S)


def dispatch(gateway: Gateway, control: AsgiApp) -> AsgiApp:
    """The data plane is recognised by its path before any framework sees the request."""
    handles = gateway.handles

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in SERVED and handles(scope["path"]):
            await gateway(scope, receive, send)
        else:
            await control(scope, receive, send)

    return app


def server_config(
    app: AsgiApp,
    settings: Settings,
    *,
    front: Front | None = None,
    behind: bool = False,
    files: CertificateFiles | None = None,
) -> uvicorn.Config:
    """How to serve an application.

    Args:
        app: What answers.
        settings: Log level and time to drain.
        front: Takes calls of endpoints before they become messages of ASGI.
        behind: Whether only gateways of ours connect, whose word on who calls counts.
        files: For https.
    """
    return uvicorn.Config(
        app,
        ssl_certfile=None if files is None else files.certificate,
        ssl_keyfile=None if files is None else str(files.key),
        http=JoinedWritesProtocol if front is None else cast(Any, front),  # called as a class is
        loop="none",
        lifespan="off",
        ws=web_socket_protocol,  # type: ignore[arg-type]  # any callable that makes one will do
        ws_max_size=MAX_MESSAGE_BYTES,
        log_config=None,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        proxy_headers=behind,
        forwarded_allow_ips="*" if behind else None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.drain_timeout_s)),
    )
