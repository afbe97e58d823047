"""The composition root: the one place that knows every room."""

import asyncio
import contextlib
import hashlib
import json
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import psutil
import uvicorn
from filelock import FileLock, Timeout

from lakeserve.control.app import create_control_app
from lakeserve.control.bootstrap import apply_settings
from lakeserve.control.certificate import CertificateFiles, ready_certificate
from lakeserve.control.secrets.keys import open_key_ring
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.certificates import present
from lakeserve.core.errors import ConfigurationError
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.cache import MemoryCache
from lakeserve.gateway.direct import Front
from lakeserve.gateway.driver_socket import MAX_MESSAGE_BYTES
from lakeserve.gateway.guardrails.inspection import open_inspector
from lakeserve.gateway.guardrails.rules import Guardrails
from lakeserve.gateway.inference import GatewayLimits
from lakeserve.gateway.limits.local import LocalLimiter
from lakeserve.gateway.limits.shared import SharedLimiter, connect
from lakeserve.gateway.seams import Limiter, Seams
from lakeserve.gateway.tracing import OtelTracing, open_tracing
from lakeserve.reconcile.books import GatewayBooks, PlatformBooks
from lakeserve.reconcile.supervisor import Supervisor
from lakeserve.settings import Settings
from lakeserve.storage.database import open_storage
from lakeserve.storage.process_status import Gauges
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import Runner
from lakeserve.workers.ray_cluster import RayCluster
from lakeserve.workers.ray_runner import RayRunner

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 75
RENEWAL_S = 12 * 3600
BACKLOG = 2048
SERVED = frozenset({"http", "websocket"})
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Running:
    """A platform that owns a data directory, as its run file tells.

    Attributes:
        pid: Process id of the platform.
        url: Where it serves, without a trailing slash.
    """

    pid: int
    url: str


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


class Platform:
    """One lakeserve platform: database, reconciler, control plane and gateway in one process.

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
        self._serving: asyncio.Task[None] | None = None
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
            await asyncio.shield(self._serving)

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        settings = self._settings
        stack.enter_context(own_data_directory(settings.data_dir))
        listener = stack.enter_context(_listen(settings.host, settings.port))
        self.url = _url(settings.host, listener.getsockname()[1])
        storage = await open_storage(settings)
        stack.push_async_callback(storage.close)
        self.new_token = await apply_settings(storage, settings)

        secrets = Vault(storage, await open_key_ring(storage, settings))
        runner = await _runner(settings, stack)
        supervisor = Supervisor(storage, runner, settings, secrets)
        stack.push_async_callback(supervisor.stop, settings.drain_timeout_s)
        await supervisor.start()
        self._supervisor = supervisor

        platform_books = PlatformBooks(storage, settings, supervisor)
        stack.push_async_callback(platform_books.stop)
        platform_books.start()
        books = GatewayBooks(storage, supervisor, settings)
        stack.push_async_callback(books.stop)
        cache = MemoryCache(settings.cache.max_bytes)
        guardrails = Guardrails(open_inspector(settings.guardrail_classifier))
        guardrails.prepare(supervisor.snapshot().endpoints.values())
        gateway = Gateway(
            supervisor,
            supervisor,
            _limits(settings),
            Seams(
                ledger=books.ledger,
                limiter=_limiter(settings, stack),
                cache=cache,
                rules=guardrails,
                tracing=_tracing(settings, stack),
            ),
        )
        await books.start(_gauges(gateway, cache))
        control = create_control_app(
            storage,
            supervisor,
            supervisor,
            settings,
            secrets,
            supervisor,
            platform_books.metrics,
            guardrails.abilities,
        )
        app = _dispatch(gateway, control)
        front = Front(gateway, settings.request_timeout_s, KEEP_ALIVE_S)
        server = _Server(_server_config(app, front, settings))
        self._serving = asyncio.create_task(server.serve(sockets=[listener]))
        stack.push_async_callback(self._stop_serving, server)
        if settings.tls:
            self.tls_url = await stack.enter_async_context(_https(app, front, settings))
        stack.push_async_callback(gateway.aclose, settings.drain_timeout_s)
        await server.serving.wait()
        stack.enter_context(_run_file(settings.data_dir, self.url))

    async def _stop_serving(self, server: _Server) -> None:
        server.should_exit = True
        if self._serving is not None:
            await self._serving


async def _runner(settings: Settings, stack: contextlib.AsyncExitStack) -> Runner:
    """What starts workers where the settings want them."""
    if settings.runner == "process":
        return ProcessRunner()
    # Two platforms on one cluster do not see each other's actors.
    namespace = f"lakeserve-{hashlib.sha256(bytes(settings.data_dir)).hexdigest()[:12]}"
    cluster = RayCluster(settings.ray_address, namespace)
    await cluster.connect()
    runner = RayRunner(cluster)
    stack.push_async_callback(runner.aclose)
    return runner


def find_running(data_dir: Path) -> Running | None:
    """The platform that holds a data directory at this moment, or None."""
    try:
        facts = json.loads(_run_path(data_dir).read_bytes())
        running = Running(pid=int(facts["pid"]), url=str(facts["url"]))
        # A killed platform leaves its file behind, and its process id may serve another program.
        is_same = psutil.Process(running.pid).create_time() == facts["started"]
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        return None
    return running if is_same else None


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


def _limits(settings: Settings) -> GatewayLimits:
    return GatewayLimits(
        settings.max_request_bytes,
        settings.request_timeout_s,
        settings.mlflow.max_request_bytes,
    )


def _gauges(gateway: Gateway, cache: MemoryCache) -> Gauges:
    return {
        "in_flight": lambda: gateway.in_flight,
        "upstream_connections": lambda: gateway.upstream_connections,
        "cache_bytes": lambda: cache.size,
        "cache_hits": lambda: cache.hits,
        "cache_misses": lambda: cache.misses,
    }


def _tracing(settings: Settings, stack: contextlib.AsyncExitStack) -> OtelTracing | None:
    chosen = settings.telemetry
    if chosen.otlp_endpoint is None:
        return None
    headers = {name: value.get_secret_value() for name, value in chosen.otlp_headers.items()}
    opened = open_tracing(chosen.otlp_endpoint, headers, chosen.sample_ratio, chosen.service_name)
    stack.push_async_callback(opened.aclose)
    return opened


def _limiter(settings: Settings, stack: contextlib.AsyncExitStack) -> Limiter:
    if settings.redis_url is None:
        return LocalLimiter()
    limiter = SharedLimiter(connect(settings.redis_url.get_secret_value()))
    stack.push_async_callback(limiter.aclose)
    return limiter


def _dispatch(gateway: Gateway, control: AsgiApp) -> AsgiApp:
    """The data plane is recognised by its path before any framework sees the request."""
    handles = gateway.handles

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in SERVED and handles(scope["path"]):
            await gateway(scope, receive, send)
        else:
            await control(scope, receive, send)

    return app


@contextlib.asynccontextmanager
async def _https(app: AsgiApp, front: Front, settings: Settings) -> AsyncIterator[str]:
    """Serve https beside http, with certificates that are made anew in time; yields the address."""
    files = ready_certificate(settings, present())
    with _listen(settings.host, settings.tls_port, "--tls-port") as listener:
        server = _Server(_server_config(app, front, settings, files))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.serving.wait()
        renewing = asyncio.create_task(_renew_certificate(server, settings))
        try:
            yield _url(settings.host, listener.getsockname()[1], "https")
        finally:
            renewing.cancel()
            server.should_exit = True
            await serving


async def _renew_certificate(server: _Server, settings: Settings) -> None:
    while True:
        await asyncio.sleep(RENEWAL_S)
        try:
            files = await asyncio.to_thread(ready_certificate, settings, present())
            if server.config.ssl is not None:
                server.config.ssl.load_cert_chain(files.certificate, files.key)
        except (ConfigurationError, OSError):
            logger.exception("the certificate for https was not renewed; trying again later")


def _server_config(
    app: AsgiApp, front: Front, settings: Settings, files: CertificateFiles | None = None
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ssl_certfile=None if files is None else files.certificate,
        ssl_keyfile=None if files is None else str(files.key),
        http=cast(Any, front),  # called for each connection, as a class would be
        loop="none",
        lifespan="off",
        ws=web_socket_protocol,  # type: ignore[arg-type]  # any callable that makes one will do
        ws_max_size=MAX_MESSAGE_BYTES,
        log_config=None,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.drain_timeout_s)),
    )


def web_socket_protocol(**facts: Any) -> asyncio.Protocol:
    """What speaks WebSocket with a caller; loaded when the first one comes."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**facts)


@contextlib.contextmanager
def own_data_directory(path: Path) -> Iterator[None]:
    """Own the data directory; the lock goes with the process, however it ends.

    Raises:
        ConfigurationError: Another process owns it, or it cannot be used.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(path / "lakeserve.lock", timeout=0)
        lock.acquire()
    except Timeout:
        running = find_running(path)
        who = f" (process {running.pid}, at {running.url})" if running else ""
        raise ConfigurationError(
            f"another lakeserve{who} uses the data directory {path}.\n"
            "Stop it, or choose another one: lakeserve up --data-dir DIRECTORY --port PORT"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"data_dir {str(path)!r} cannot be used: {error.strerror}. "
            "Choose a directory that you can write: lakeserve up --data-dir DIRECTORY"
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _listen(host: str, port: int, option: str = "--port") -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_why_not_bound(host, port, option, error)) from None
    with listener:
        yield listener


def _why_not_bound(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno != 98:  # EADDRINUSE
        return f"cannot listen on {host} port {port}: {error.strerror}"
    return (
        f"port {port} on {host} is taken{_listener_name(port)}.\n"
        f"Stop that program, or choose another port: lakeserve up {option} {port + 1}"
    )


def _listener_name(port: int) -> str:
    """Who listens on a port, as far as this user may see; empty when unknown."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
            ):
                if connection.pid is None:
                    return " by a process of another user"
                name = " ".join(psutil.Process(connection.pid).cmdline()[:3])
                return f" by process {connection.pid} ({name})"
    except psutil.Error:
        pass
    return ""


def _url(host: str, port: int, scheme: str = "http") -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{scheme}://{shown}:{port}"


def _run_path(data_dir: Path) -> Path:
    return data_dir / "lakeserve.run.json"


@contextlib.contextmanager
def _run_file(data_dir: Path, url: str) -> Iterator[None]:
    path = _run_path(data_dir)
    process = psutil.Process()
    facts = {"pid": process.pid, "started": process.create_time(), "url": url}
    path.write_text(json.dumps(facts))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
