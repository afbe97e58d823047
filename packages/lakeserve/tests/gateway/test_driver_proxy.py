"""Apps on drivers."""

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gateway.caller import VALID
from gateway.stage import CLUSTER, MAX_REQUEST_BYTES, Stage
from gateway.strict_upstream import (
    LAST_CHUNK,
    StrictUpstream,
    chunk,
    chunked_head,
    until,
    whole,
)
from lakeserve.core.certificates import present, self_signed
from lakeserve.core.clusters import RoutableCluster
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.grants import EVERYONE, NOBODY, Grantees
from lakeserve.core.identity import DEVELOPMENT_TOKEN, Principal, token_digest
from lakeserve.gateway.driver_proxy import (
    FIRST_PORT,
    LAST_PORT,
    origin_of,
    passed,
    port_number,
)


@pytest.fixture
async def app(stage: Stage) -> AsyncIterator[tuple[StrictUpstream, str]]:
    """An app on a port of the range, and the path that leads to it."""
    server, port = await listening(None)
    yield server, f"/driver-proxy-api/o/0/{CLUSTER}/{port}"
    await stage.gateway.aclose(1)
    await server.aclose()
    assert server.faults == []


async def listening(context: ssl.SSLContext | None) -> tuple[StrictUpstream, int]:
    for port in range(FIRST_PORT, LAST_PORT):
        server = StrictUpstream()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        try:
            await server.listen_tcp(context, port)
        except OSError:
            continue
        return server, port
    raise AssertionError("no free port in the range")


async def test_a_call(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    server.script = lambda _: [whole(200, b'"hi"', "application/json", ("set-cookie", "a=b"))]
    answer = await stage.caller.call(
        path, {"prompt": "x"}, headers={"cookie": "session=1", "x-own": "y", "x-api-key": "k"}
    )
    assert (answer.status, answer.body) == (200, b'"hi"')
    assert answer.headers["content-type"] == "application/json"
    assert "set-cookie" not in answer.headers
    (seen,) = server.seen
    assert (seen.method, seen.target, seen.json()) == ("POST", "/", {"prompt": "x"})
    assert seen.headers["x-own"] == "y"
    assert not {"authorization", "cookie", "x-api-key"} & set(seen.headers)
    assert seen.headers["host"].startswith("127.0.0.1:")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods_paths_and_queries(
    stage: Stage, app: tuple[StrictUpstream, str], method: str
) -> None:
    server, path = app
    server.script = lambda _: [whole(418, b"teapot", "text/plain")]
    browser = path.replace("/driver-proxy-api/", "/driver-proxy/")
    answer = await stage.caller.call(f"{browser}/a%2Fb/c/?x=%20&y", b"hello", method=method)
    assert (answer.status, answer.body) == (418, b"teapot")
    assert (server.seen[0].method, server.seen[0].target) == (method, "/a%2Fb/c/?x=%20&y")
    assert server.seen[0].body == b"hello"


async def test_head(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    server.script = lambda _: [b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"]
    answer = await stage.caller.call(path, method="HEAD")
    assert (answer.status, answer.body, answer.finished) == (200, b"", True)
    assert answer.headers["content-length"] == "10"


async def test_chunks_both_ways(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    server.script = lambda _: [
        chunked_head("text/plain"),
        chunk(b"one"),
        0.01,
        chunk(b"two"),
        LAST_CHUNK,
    ]
    answer = await stage.caller.call(path, parts=[b"abc", b"def", b""])
    assert answer.parts == [b"one", b"two"]
    assert server.seen[0].body == b"abcdef"


async def test_an_old_server(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    server.script = lambda _: [b"HTTP/1.0 200 OK\r\ncontent-type: text/html\r\n\r\n<p>", "close"]
    answer = await stage.caller.call(path, method="GET")
    assert (answer.status, answer.body) == (200, b"<p>")


@pytest.mark.parametrize("port", ["2999", "8001", "http", "", "-1", "٣٠٠٠", "99999999999", "3000x"])
async def test_ports_outside_the_range(stage: Stage, port: str) -> None:
    with pytest.raises(InvalidParameter, match="3000 to 8000"):
        port_number(port)
    if port and port.isascii():
        answer = await stage.caller.call(f"/driver-proxy-api/o/0/{CLUSTER}/{port}/", {})
        assert answer.error[:2] == (400, "INVALID_PARAMETER_VALUE")
        assert repr(port) in answer.error[2]


async def test_unregistered_cluster(stage: Stage) -> None:
    answer = await stage.caller.call("/driver-proxy-api/o/0/0000-nobody/7777", {})
    assert answer.error[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "0000-nobody" in answer.error[2]


async def test_strangers(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    assert (await stage.caller.call(path, {}, authorization=None)).status == 401
    assert (await stage.caller.call(path, {}, authorization="Bearer x")).status == 403
    assert server.opened == 0


async def test_who_may_attach(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    server.script = lambda _: [whole(200, b'"hi"')]
    anna = Principal("2", "anna", "Anna", groups=("team",))
    now = stage.directory.now

    async def status(callers: Grantees, who: Principal) -> int:
        cluster = replace(now.clusters[CLUSTER], callers=callers)
        principals = {token_digest(DEVELOPMENT_TOKEN): who}
        stage.directory.now = replace(now, clusters={CLUSTER: cluster}, principals=principals)
        return (await stage.caller.call(path, {})).status

    assert await status(NOBODY, anna) == 404
    assert server.opened == 0
    assert await status(Grantees(groups=frozenset({"admins"})), anna) == 404
    for callers in (
        EVERYONE,
        Grantees(accounts=frozenset({"anna"})),
        Grantees(groups=frozenset({"team"})),
    ):
        assert await status(callers, anna) == 200
    admin = replace(anna, admin=True)
    assert await status(Grantees(groups=frozenset({"admins"})), admin) == 200
    # One that may not be reached answers as one that does not exist.
    unknown = await stage.caller.call(path.replace(CLUSTER, "none"), {})
    stage.directory.now = replace(
        now, clusters={"none": replace(now.clusters[CLUSTER], callers=NOBODY)}
    )
    assert (await stage.caller.call(path.replace(CLUSTER, "none"), {})).error == unknown.error


async def test_nobody_listens(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    server.stop_listening()
    answer = await stage.caller.call(path, {})
    assert answer.error[:2] == (502, "INTERNAL_ERROR")
    assert path.rpartition("/")[2] in answer.error[2]
    assert "nothing listens" in answer.error[2]


async def test_an_app_that_fails_before_its_answer(
    stage: Stage, app: tuple[StrictUpstream, str]
) -> None:
    server, path = app
    for steps in (["close"], ["reset"], [b"junk\r\n\r\n"], [whole(700, b"")]):
        server.script = lambda _, steps=steps: steps  # type: ignore[misc]
        assert (await stage.caller.call(path, {})).error[:2] == (502, "INTERNAL_ERROR")


async def test_a_cut_answer_stays_unfinished(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    server.script = lambda _: [chunked_head("text/plain"), chunk(b"half"), 0.01, "close"]
    answer = await stage.caller.call(path, {})
    assert (answer.status, answer.body, answer.finished) == (200, b"half", False)


async def test_an_answer_before_the_question_is_over(
    stage: Stage, app: tuple[StrictUpstream, str]
) -> None:
    server, path = app
    server.early = whole(413, b"enough", "text/plain")
    answer = await stage.caller.call(path, parts=[b"x" * 9000] * 11)
    assert (answer.status, answer.body) == (413, b"enough")


async def test_a_conversation_in_one_call(stage: Stage) -> None:
    """The app answers each part of the body before the next one is sent."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while size := int(await reader.readline(), 16):
            writer.write(b"%x\r\n%b" % (size, await reader.readexactly(size + 2)))
        writer.write(b"0\r\n\r\n")
        await reader.read()
        writer.close()

    server, port = None, 0
    for port in range(FIRST_PORT + 2000, LAST_PORT):
        with contextlib.suppress(OSError):
            server = await asyncio.start_server(repeat, "127.0.0.1", port)
            break
    to_send: asyncio.Queue[bytes] = asyncio.Queue()
    said: asyncio.Queue[bytes] = asyncio.Queue()
    to_send.put_nowait(b"one")

    async def receive() -> dict[str, object]:
        part = await to_send.get()
        return {"type": "http.request", "body": part, "more_body": part != b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("body"):
            said.put_nowait(message["body"])

    path = f"/driver-proxy-api/o/0/{CLUSTER}/{port}/"
    headers = [(b"authorization", VALID.encode()), (b"transfer-encoding", b"chunked")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    call = asyncio.ensure_future(stage.gateway(scope, receive, send))
    for part, following in ((b"one", b"two"), (b"two", b"three"), (b"three", b"")):
        assert await asyncio.wait_for(said.get(), 5) == part
        to_send.put_nowait(following)
    await asyncio.wait_for(call, 5)
    assert server is not None
    server.close()
    await server.wait_closed()


async def test_oversized(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    answer = await stage.caller.call(path, b"x" * (MAX_REQUEST_BYTES + 1))
    assert answer.error[:2] == (413, "BAD_REQUEST")
    assert server.opened == 0
    answer = await stage.caller.call(path, parts=[b"x" * 60_000] * 2)
    assert answer.error[:2] == (413, "BAD_REQUEST")


async def test_other_upgrades_are_passed_over(
    stage: Stage, app: tuple[StrictUpstream, str]
) -> None:
    server, path = app
    server.script = lambda _: [whole(200, b"plain")]
    headers = {"upgrade": "h2c", "connection": "upgrade"}
    answer = await stage.caller.call(path, method="GET", headers=headers)
    assert answer.body == b"plain"
    assert "upgrade" not in server.seen[0].headers


async def test_a_caller_that_leaves(stage: Stage, app: tuple[StrictUpstream, str]) -> None:
    server, path = app
    server.script = lambda _: [asyncio.Event()]
    call = stage.caller.start(path, {})
    await until(lambda: server.seen)
    call.leave()
    await call.done()
    await until(lambda: not server.open)


async def test_a_path_that_cannot_be_forwarded(
    stage: Stage, app: tuple[StrictUpstream, str]
) -> None:
    _, path = app
    answer = await stage.caller.call(path + "/a\r\nx: y", {})
    assert answer.error[:2] == (400, "INVALID_PARAMETER_VALUE")


# asyncio's server of Python 3.10 forgets to close what failed its handshake, and then complains.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_https(stage: Stage, tmp_path: Path) -> None:
    certificate, key = self_signed(["127.0.0.1"], present())
    (tmp_path / "both.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server, port = await listening(context)
    server.script = lambda _: [whole(200, b'"safe"')]
    path = f"/driver-proxy-api/o/0/tls/{port}/"
    trusted = RoutableCluster("tls", "127.0.0.1", EVERYONE, tls=True, ca_pem=certificate)
    stage.directory.now = replace(stage.directory.now, clusters={"tls": trusted})
    assert (await stage.caller.call(path, {})).body == b'"safe"'
    assert origin_of(trusted, port).address.tls
    strangers = {"tls": replace(trusted, ca_pem=None)}
    stage.directory.now = replace(stage.directory.now, clusters=strangers)
    refused = await stage.caller.call(path, {})
    assert refused.error[:2] == (502, "INTERNAL_ERROR")
    assert "TLS" in refused.error[2]
    await stage.gateway.aclose(1)
    await server.aclose()
    gc.collect()


def test_headers_of_one_connection_stay_on_it() -> None:
    headers = [(b"connection", b"close, X-Mine"), (b"x-mine", b"1"), (b"x-other", b"2")]
    assert passed(headers, frozenset({b"connection"})) == [(b"x-other", b"2")]
