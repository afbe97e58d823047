"""WebSockets to apps on drivers, between real ends."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest
import uvicorn
from gateway.caller import VALID
from gateway.stage import CLUSTER, Stage
from gateway.strict_upstream import until
from lakeserve.app.server import web_socket_protocol
from lakeserve.core.certificates import present, self_signed
from lakeserve.core.clusters import RoutableCluster
from lakeserve.core.grants import EVERYONE, NOBODY
from lakeserve.gateway.driver_proxy import FIRST_PORT, LAST_PORT
from lakeserve.gateway.driver_socket import sendable
from lakeserve.gateway.joined_writes import JoinedWritesProtocol
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

Handler = Callable[[ServerConnection], Awaitable[None]]


class App:
    """An app that speaks WebSocket, and what it has seen."""

    def __init__(self) -> None:
        self.handler: Handler = self._repeat
        self.refusal: tuple[HTTPStatus, str] | None = None
        self.requests: list[Request] = []
        self.closed: list[tuple[int | None, str | None]] = []

    async def listen(self, context: ssl.SSLContext | None = None) -> tuple[Server, int]:
        for port in range(FIRST_PORT, LAST_PORT):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    continue
            try:
                server = await serve(
                    self._serve,
                    "127.0.0.1",
                    port,
                    ssl=context,
                    process_request=self._process,
                    max_size=None,
                    select_subprotocol=lambda _, offered: offered[-1] if offered else None,
                )
            except OSError:
                continue
            return server, port
        raise AssertionError("no free port in the range")

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            await self.handler(connection)
        finally:
            await connection.wait_closed()
            self.closed.append((connection.close_code, connection.close_reason))

    async def _repeat(self, connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    def _process(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self.refusal is None:
            return None
        return connection.respond(*self.refusal)


@pytest.fixture
async def app() -> AsyncIterator[tuple[App, int]]:
    made = App()
    server, port = await made.listen()
    yield made, port
    server.close()
    await server.wait_closed()


@pytest.fixture
async def address(stage: Stage) -> AsyncIterator[str]:
    """Where the gateway serves."""
    config = uvicorn.Config(
        stage.gateway,
        port=0,
        http=JoinedWritesProtocol,
        lifespan="off",
        log_level="critical",
        ws=web_socket_protocol,  # type: ignore[arg-type]
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    await until(lambda: server.started)
    yield f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


def opened(address: str, path: str, authorization: str | None = VALID, **more: object) -> connect:
    headers = {} if authorization is None else {"Authorization": authorization}
    return connect(
        address + path,
        additional_headers={**headers, "X-Own": "y", "Cookie": "session=1"},
        proxy=None,
        max_size=None,
        **more,  # type: ignore[arg-type]
    )


def path_to(port: int, rest: str = "", cluster: str = CLUSTER) -> str:
    return f"/driver-proxy-api/o/0/{cluster}/{port}{rest}"


async def test_messages_both_ways(address: str, app: tuple[App, int]) -> None:
    server, port = app
    async with opened(
        address, path_to(port, "/ws/a%2Fb?x=%20"), subprotocols=["chat.v1", "chat.v2"]
    ) as caller:
        assert caller.subprotocol == "chat.v2"  # the app chooses
        for message in ("hello", "", "ü" * 70_000, b"\x00\xff", b"", b"x" * 3_000_000):
            await caller.send(message)
            assert await caller.recv() == message
        await caller.close(4001, "enough")
    await until(lambda: server.closed)
    assert server.closed == [(4001, "enough")]
    (seen,) = server.requests
    assert seen.path == "/ws/a%2Fb?x=%20"
    assert seen.headers["X-Own"] == "y"
    assert seen.headers["Host"] == f"127.0.0.1:{port}"
    assert not {"authorization", "cookie"} & {name.lower() for name in seen.headers}


async def test_the_app_closes(address: str, app: tuple[App, int]) -> None:
    server, port = app

    async def part(connection: ServerConnection) -> None:
        await connection.send("bye")
        await connection.close(4002, "done")

    server.handler = part
    async with opened(address, path_to(port)) as caller:
        assert await caller.recv() == "bye"
        with pytest.raises(ConnectionClosed):
            await caller.recv()
        assert (caller.close_code, caller.close_reason) == (4002, "done")


async def test_the_app_is_cut(address: str, app: tuple[App, int]) -> None:
    server, port = app

    async def break_off(connection: ServerConnection) -> None:
        connection.transport.abort()

    server.handler = break_off
    async with opened(address, path_to(port)) as caller:
        with pytest.raises(ConnectionClosed):
            await caller.recv()
        assert caller.close_code == 1011


async def test_the_caller_is_cut(address: str, app: tuple[App, int]) -> None:
    server, port = app
    async with opened(address, path_to(port)) as caller:
        await caller.send("hello")
        await caller.recv()
        caller.transport.abort()
        await until(lambda: server.closed)
    assert server.closed[0][0] in {1005, 1006, 1000, 1011}


async def test_the_platform_stops(stage: Stage, address: str, app: tuple[App, int]) -> None:
    server, port = app
    async with opened(address, path_to(port)) as caller:
        await caller.send("hello")
        await caller.recv()
        await stage.gateway.aclose(0)
        with pytest.raises(ConnectionClosed):
            await caller.recv()
        assert (caller.close_code, caller.close_reason) == (1001, "the platform is stopping")
    await until(lambda: server.closed)
    assert await status(opened(address, path_to(port))) == 503


async def status(opening: connect) -> int:
    """How a handshake is refused."""
    with pytest.raises(InvalidStatus) as caught:
        await opening
    return caught.value.response.status_code


async def test_who_may_and_where_to(stage: Stage, address: str, app: tuple[App, int]) -> None:
    server, port = app
    assert await status(opened(address, path_to(port), None)) == 401
    assert await status(opened(address, path_to(port), "Bearer x")) == 403
    assert await status(opened(address, path_to(port, cluster="none"))) == 404
    assert await status(opened(address, path_to(2999))) == 400
    assert await status(opened(address, "/serving-endpoints/chat/completions")) == 501
    assert await status(opened(address, "/driver-proxy-api/x")) == 404
    now = stage.directory.now
    closed = replace(now.clusters[CLUSTER], callers=NOBODY)
    stage.directory.now = replace(now, clusters={CLUSTER: closed})
    assert await status(opened(address, path_to(port))) == 404
    assert server.requests == []


async def test_the_apps_own_refusal(address: str, app: tuple[App, int]) -> None:
    server, port = app
    server.refusal = HTTPStatus.IM_A_TEAPOT, "no sockets here\n"
    with pytest.raises(InvalidStatus) as caught:
        await opened(address, path_to(port))
    assert caught.value.response.status_code == 418
    assert caught.value.response.body == b"no sockets here\n"


async def test_redirects_are_not_followed(address: str, app: tuple[App, int]) -> None:
    server, port = app
    server.refusal = HTTPStatus.FOUND, "elsewhere"
    other = App()
    elsewhere, _ = await other.listen()

    assert await status(opened(address, path_to(port))) == 302
    assert other.requests == []
    assert len(server.requests) == 1
    elsewhere.close()
    await elsewhere.wait_closed()


async def test_nobody_listens(stage: Stage, address: str, app: tuple[App, int]) -> None:
    _, port = app
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
    free = next(each for each in range(LAST_PORT, port, -1) if not _taken(each))
    assert await status(opened(address, path_to(free))) == 502


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# asyncio's server of Python 3.10 forgets to close what failed its handshake, and then complains.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_wss(stage: Stage, address: str, tmp_path: Path) -> None:
    certificate, key = self_signed(["127.0.0.1"], present())
    (tmp_path / "both.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server, port = await App().listen(context)
    safe = RoutableCluster("tls", "127.0.0.1", EVERYONE, tls=True, ca_pem=certificate)
    stage.directory.now = replace(stage.directory.now, clusters={"tls": safe})
    async with opened(address, path_to(port, cluster="tls")) as caller:
        await caller.send("safe")
        assert await caller.recv() == "safe"
    stage.directory.now = replace(stage.directory.now, clusters={"tls": replace(safe, ca_pem=None)})
    assert await status(opened(address, path_to(port, cluster="tls"))) == 502
    server.close()
    await server.wait_closed()


def test_codes() -> None:
    assert [sendable(code) for code in (1000, 1005, 1006, 1015, 4001)] == [
        1000,
        1000,
        1011,
        1011,
        4001,
    ]
