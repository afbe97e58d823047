"""Passes what is no call of an endpoint on to the process that answers it."""

import logging
from collections.abc import Iterable, MutableMapping
from typing import Any

from lakeserve.core.endpoints import Address
from lakeserve.core.errors import BadRequest, Unavailable, WireError
from lakeserve.core.ids import request_id
from lakeserve.gateway.driver_proxy import passed
from lakeserve.gateway.intake import CallerGone, Receive, read_body
from lakeserve.gateway.reply import AsgiReply, Header, Send
from lakeserve.gateway.upstream.failure import UpstreamFailure
from lakeserve.gateway.upstream.head import header_lines, request_line
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]

_OF_THE_CONNECTION = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        # Who calls is known here; what the caller says of it does not count.
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
    }
)
_KEPT_FROM_CALLER = frozenset(
    {b"connection", b"date", b"keep-alive", b"server", b"transfer-encoding"}
)


class ControlProxy:
    """An ASGI callable for everything beside the data plane.

    Args:
        platform: Where the platform listens.
        max_request_bytes: Longest request body.
    """

    def __init__(self, platform: Address, max_request_bytes: int) -> None:
        self.platform = platform
        self._origin = Origin(platform)
        self._max_request_bytes = max_request_bytes
        self._pool = UpstreamPool()

    def close(self) -> None:
        """Close the connections to the platform."""
        self._pool.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        try:
            await self._pass_on(scope, receive, send)
        except CallerGone:
            logger.debug("the caller has gone")
        except WireError as error:
            await AsgiReply(send, request_id()).fail(error)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[Header] = scope["headers"]
        body = await read_body(dict(headers), receive, self._max_request_bytes)
        method: str = scope["method"]
        payload = _head(scope, headers, len(body)) + body
        try:
            connection = await self._pool.exchange(
                self._origin, payload, method.encode("ascii", "replace")
            )
        except UpstreamFailure as failure:
            logger.warning("the platform does not answer: %s", failure.reason)
            raise Unavailable(
                "The platform that answers this call does not respond. Calls of endpoints go on.",
                retry_after=1,
            ) from failure
        try:
            kept = passed(connection.headers, _KEPT_FROM_CALLER)
            start = {"type": "http.response.start", "status": connection.status, "headers": kept}
            await send(start)
            while data := await connection.read():
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except UpstreamFailure:
            # What has begun stays unfinished, so that the caller does not take it for whole.
            logger.warning("the platform broke off an answer")
        finally:
            self._pool.release(connection)


class NoControl:
    """Answers in the place of a platform that this gateway was not told of."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        error = Unavailable(
            "This gateway answers calls of endpoints only. Send this call to the platform, or start"
            " the gateway with --control-url.",
            retry_after=1,
        )
        await AsgiReply(send, request_id()).fail(error)


def _head(scope: Scope, headers: Iterable[Header], length: int) -> bytes:
    query: str = scope.get("query_string", b"").decode("latin-1")
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    target = path.decode("latin-1") + (f"?{query}" if query else "")
    lines = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in passed(headers, _OF_THE_CONNECTION)
    ]
    if all(name != "host" for name, _ in lines):
        lines.append(("host", "localhost"))
    client = scope.get("client")
    if client is not None:
        lines.append(("x-forwarded-for", str(client[0])))
    lines += [
        ("x-forwarded-proto", str(scope.get("scheme", "http"))),
        ("content-length", str(length)),
    ]
    try:
        return request_line(scope["method"], target) + header_lines(lines) + b"\r\n"
    except ValueError as error:
        raise BadRequest(f"The request cannot be passed on: {error}.") from None
