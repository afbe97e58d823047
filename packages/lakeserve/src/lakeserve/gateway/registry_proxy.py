"""Calls of the MLflow registry that the platform keeps, for whoever has a token."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from lakeserve.core.endpoints import Address
from lakeserve.core.errors import BadUpstream, InvalidParameter
from lakeserve.core.ports import REGISTRY_ID, Activator
from lakeserve.gateway.guard import CallGuard
from lakeserve.gateway.intake import Receive, stream_body
from lakeserve.gateway.reply import AsgiReply, Header
from lakeserve.gateway.upstream.connection import Connection
from lakeserve.gateway.upstream.failure import UpstreamFailure
from lakeserve.gateway.upstream.head import header_lines, host, request_line
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool

# A model's files come as they are, one request each.
MAX_UPLOAD_BYTES = 1 << 40

# All that a tracking client and its server tell each other; credentials are the platform's own.
_SENT = frozenset({b"accept", b"accept-encoding", b"content-type", b"range", b"user-agent"})
_GIVEN = frozenset({
    b"accept-ranges", b"content-disposition", b"content-encoding", b"content-length",
    b"content-range", b"content-type", b"x-content-type-options",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class RegistryCall:
    """What the caller sent, and the way back to it.

    Attributes:
        target: The path as it was escaped, with its query.
    """

    method: str
    target: str
    headers: Mapping[bytes, bytes]
    receive: Receive
    reply: AsgiReply
    guard: CallGuard


class RegistryProxy:
    """Passes calls on, bodies as they come, in both directions."""

    def __init__(self, pool: UpstreamPool, activator: Activator) -> None:
        self._pool = pool
        self._activator = activator

    async def answer(self, call: RegistryCall) -> None:
        """Answer one call; the first one waits until the registry has started.

        Raises:
            WireError: It failed before its answer began, or in the middle of it.
            CallerGone: There is nobody left to answer.
        """
        address = await self._activator.activate(REGISTRY_ID)
        connection = None
        try:
            connection = await self._pool.connect(Origin(address))
            await _upload(call, address, connection)
            await connection.reply()
            given = [(name, value) for name, value in connection.headers if name in _GIVEN]
            await call.reply.start(connection.status, given)
            while data := await connection.read():
                await call.reply.part(data)
            await call.reply.end()
        except UpstreamFailure as failure:
            raise BadUpstream(f"The MLflow registry failed: {failure.reason}.") from failure
        finally:
            if connection is not None:
                connection.abort()


async def _upload(call: RegistryCall, address: Address, connection: Connection) -> None:
    """Send the request; an answer that comes before its end is not made to wait."""
    length = call.headers.get(b"content-length")
    is_chunked = length is None and b"transfer-encoding" in call.headers
    framing = [("content-length", length.decode("latin-1"))] if length is not None else []
    if is_chunked:
        framing = [("transfer-encoding", "chunked")]
    connection.begin(call.method.encode("ascii"))
    connection.write(_head(call, address, framing))
    async with aclosing(stream_body(call.headers, call.receive, MAX_UPLOAD_BYTES)) as parts:
        async for part in parts:
            connection.write(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
            await connection.drain()
            if connection.headed:
                return
    if is_chunked:
        connection.write(b"0\r\n\r\n")
    call.guard.watch(call.receive)


def _head(call: RegistryCall, address: Address, framing: list[tuple[str, str]]) -> bytes:
    passed: list[Header] = [(n, v) for n, v in call.headers.items() if n in _SENT]
    headers = [
        ("host", host(address)),
        ("connection", "close"),
        *((name.decode("latin-1"), value.decode("latin-1")) for name, value in passed),
        *framing,
    ]
    try:
        return request_line(call.method, call.target) + header_lines(headers) + b"\r\n"
    except ValueError as error:
        raise InvalidParameter(f"The request cannot be forwarded: {error}.") from None
