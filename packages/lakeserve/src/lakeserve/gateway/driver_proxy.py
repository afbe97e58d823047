"""Calls of apps on the driver of a registered cluster."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from lakeserve.core.clusters import RoutableCluster
from lakeserve.core.endpoints import Address
from lakeserve.core.errors import BadUpstream, InvalidParameter, ResourceMissing
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.guard import CallGuard
from lakeserve.gateway.intake import Receive, check_length, stream_body
from lakeserve.gateway.paths import DriverRoute
from lakeserve.gateway.reply import AsgiReply, Header
from lakeserve.gateway.upstream.connection import Connection
from lakeserve.gateway.upstream.failure import UpstreamFailure
from lakeserve.gateway.upstream.head import header_lines, host, request_line
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool

FIRST_PORT = 3000
LAST_PORT = 8000

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# The caller's credentials are for this platform, not for whoever runs an app on a driver.
KEPT_FROM_APP = _HOP_BY_HOP | {
    b"authorization",
    b"content-length",
    b"cookie",
    b"expect",
    b"host",
    b"x-api-key",
    b"x-databricks-ai-gateway-token",
}
# An app must not set cookies for the platform; the server writes its own date and name.
_KEPT_FROM_CALLER = _HOP_BY_HOP | {b"date", b"server", b"set-cookie"}


@dataclass(frozen=True, slots=True)
class DriverCall:
    """What the caller sent, and the way back to it.

    Attributes:
        header_list: All request headers, repeated ones too, names in lower case.
    """

    route: DriverRoute
    caller: Principal
    method: str
    query: str
    header_list: list[Header]
    snapshot: Snapshot
    receive: Receive
    reply: AsgiReply
    guard: CallGuard


class DriverProxy:
    """Forwards calls to drivers, byte for byte in both directions."""

    def __init__(self, pool: UpstreamPool, max_request_bytes: int) -> None:
        self._pool = pool
        self._max_request_bytes = max_request_bytes

    async def answer(self, call: DriverCall) -> None:
        """Answer one call.

        Raises:
            WireError: It failed before its answer began, or in the middle of it.
            CallerGone: There is nobody left to answer.
        """
        headers = dict(call.header_list)
        origin = reachable(call.snapshot, call.route, call.caller)
        check_length(headers, self._max_request_bytes)
        connection = None
        try:
            connection = await self._pool.connect(origin)
            await self._exchange(call, headers, origin, connection)
        except UpstreamFailure as failure:
            raise app_failed(call.route, failure.reason) from failure
        finally:
            if connection is not None:
                connection.abort()

    async def _exchange(
        self,
        call: DriverCall,
        headers: Mapping[bytes, bytes],
        origin: Origin,
        connection: Connection,
    ) -> None:
        """Pass both bodies at the same time: an app may answer while it is still being asked."""
        uploading = asyncio.ensure_future(self._upload(call, headers, origin, connection))
        answering = asyncio.ensure_future(_relay(call.reply, connection))
        both = {uploading, answering}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                uploading.result()
            await answering
        finally:
            # An app that has said everything is not made to read the rest.
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _upload(
        self,
        call: DriverCall,
        headers: Mapping[bytes, bytes],
        origin: Origin,
        connection: Connection,
    ) -> None:
        """Send the request."""
        length = headers.get(b"content-length")
        is_chunked = length is None and b"transfer-encoding" in headers
        connection.begin(call.method.encode("ascii"))
        connection.write(_head(call, origin, length, is_chunked))
        body = stream_body(headers, call.receive, self._max_request_bytes)
        async with aclosing(body) as parts:
            async for part in parts:
                connection.write(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
                await connection.drain()
        if is_chunked:
            connection.write(b"0\r\n\r\n")
        call.guard.watch(call.receive)


async def _relay(reply: AsgiReply, connection: Connection) -> None:
    await connection.reply()
    if connection.status > 599:
        raise BadUpstream(f"The app answered with the impossible status {connection.status}.")
    await reply.start(connection.status, passed(connection.headers, _KEPT_FROM_CALLER))
    while data := await connection.read():
        await reply.part(data)
    await reply.end()


def reachable(snapshot: Snapshot, route: DriverRoute, caller: Principal) -> Origin:
    """Where a route leads, for a caller who may go there.

    Raises:
        ResourceMissing: There is no such cluster that the caller may reach.
        InvalidParameter: The port is not one that is served.
    """
    cluster = snapshot.clusters.get(route.cluster_id)
    if cluster is None or not cluster.callers.include(caller):
        raise ResourceMissing(
            f"Cluster {route.cluster_id!r} does not exist, or you do not have CAN_ATTACH_TO on it."
        )
    return origin_of(cluster, port_number(route.port))


def app_failed(route: DriverRoute, reason: str) -> BadUpstream:
    """The error for an app that does not answer as it should."""
    return BadUpstream(
        f"The app on port {route.port} of cluster {route.cluster_id!r} failed: {reason}."
    )


def origin_of(cluster: RoutableCluster, port: int) -> Origin:
    """Where the app on a port of a cluster listens."""
    address = Address(host=cluster.host, port=port, tls=cluster.tls)
    return Origin(address, cluster.ca_pem)


def port_number(text: str) -> int:
    """The port of a path.

    Raises:
        InvalidParameter: It is none, or outside the range that the proxy serves.
    """
    if text.isascii() and text.isdecimal() and FIRST_PORT <= int(text[:6]) <= LAST_PORT:
        return int(text)
    raise InvalidParameter(
        f"Port {text!r} is not accepted: the driver proxy serves ports {FIRST_PORT} to {LAST_PORT}."
    )


def passed(headers: Iterable[Header], withheld: frozenset[bytes]) -> list[Header]:
    """The headers that go to the other side.

    Those named by a ``connection`` header belong to one connection and stay out as well.
    """
    headers = list(headers)
    named = {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    }
    return [(n, v) for n, v in headers if n not in withheld and n not in named]


def _head(call: DriverCall, origin: Origin, length: bytes | None, is_chunked: bool) -> bytes:
    target = call.route.rest + (f"?{call.query}" if call.query else "")
    headers = [("host", host(origin.address)), ("connection", "close")]
    for name, value in passed(call.header_list, KEPT_FROM_APP):
        headers.append((name.decode("latin-1"), value.decode("latin-1")))
    if length is not None:
        headers.append(("content-length", length.decode("latin-1")))
    elif is_chunked:
        headers.append(("transfer-encoding", "chunked"))
    try:
        return request_line(call.method, target) + header_lines(headers) + b"\r\n"
    except ValueError as error:
        raise InvalidParameter(f"The request cannot be forwarded: {error}.") from None
