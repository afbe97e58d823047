"""WebSockets to apps on the driver of a registered cluster."""

import asyncio
import contextlib
import logging
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from lakeserve.core.authentication import authenticate
from lakeserve.core.errors import Internal, NotBuilt, Unavailable, UnknownApi, WireError
from lakeserve.core.ports import Directory
from lakeserve.gateway.driver_proxy import KEPT_FROM_APP, app_failed, passed, reachable
from lakeserve.gateway.intake import Receive
from lakeserve.gateway.paths import DriverRoute, parse
from lakeserve.gateway.reply import JSON, Header, Send
from lakeserve.gateway.upstream.head import host
from lakeserve.gateway.upstream.pool import CONNECT_TIMEOUT_S, Origin, UpstreamPool

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.http11 import Response

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
CLOSE_TIMEOUT_S = 5.0
GOING_AWAY = 1001
ABNORMAL = 1011

# What the handshake with the app says for itself.
_HANDSHAKE = KEPT_FROM_APP | {
    b"sec-websocket-accept",
    b"sec-websocket-extensions",
    b"sec-websocket-key",
    b"sec-websocket-protocol",
    b"sec-websocket-version",
}
# Codes that stand for "none was sent" or "the connection was cut" cannot be sent on.
_UNSENDABLE = {1005: 1000, 1006: ABNORMAL, 1015: ABNORMAL}


class DriverSockets:
    """Passes the messages of WebSockets between callers and apps."""

    def __init__(self, directory: Directory, pool: UpstreamPool) -> None:
        self._directory = directory
        self._pool = pool
        self._open: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket from its handshake to its end."""
        try:
            await receive()  # the handshake
            route, origin = self._admitted(scope)
            app = await self._connect(scope, route, origin)
        except _Refused as refusal:
            await _refuse(send, refusal.status, refusal.headers, refusal.body)
            return
        except WireError as error:
            await _refuse(send, error.status, [JSON], orjson.dumps(error.body()))
            return
        except Exception:
            logger.exception("a WebSocket failed in its handshake")
            fault = Internal("The gateway failed to open this WebSocket.")
            await _refuse(send, fault.status, [JSON], orjson.dumps(fault.body()))
            return
        passing = asyncio.ensure_future(_pass_messages(app, receive, send))
        self._open.add(passing)
        try:
            await passing
        except asyncio.CancelledError:
            if not self._is_closing:
                raise
        finally:
            self._open.discard(passing)
            await app.close()

    async def aclose(self) -> None:
        """Refuse new WebSockets and end those that are open."""
        self._is_closing = True
        for passing in tuple(self._open):
            passing.cancel()
        if self._open:
            await asyncio.wait(tuple(self._open), timeout=CLOSE_TIMEOUT_S)

    def _admitted(self, scope: Scope) -> tuple[DriverRoute, Origin]:
        if self._is_closing:
            raise Unavailable("The platform is stopping.")
        known = self._directory.snapshot()
        header = dict(scope["headers"]).get(b"authorization")
        authorization = None if header is None else header.decode("latin-1")
        caller = authenticate(authorization, known.principals, known.signed)
        path: str = scope["raw_path"].decode("latin-1")
        route = parse(path)
        if route is None:
            raise UnknownApi(f"No API found for 'GET {path}'")
        if not isinstance(route, DriverRoute):
            raise NotBuilt("Only apps behind the driver proxy can be reached by WebSocket.")
        return route, reachable(known, route, caller)

    async def _connect(
        self, scope: Scope, route: DriverRoute, origin: Origin
    ) -> "ClientConnection":
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus

        class Direct(connect):
            """Follows no redirects: they could lead to hosts that nobody registered."""

            def process_redirect(self, exc: Exception) -> Exception:
                return exc

        query = scope["query_string"].decode("latin-1")
        target = route.rest + (f"?{query}" if query else "")
        scheme = "wss" if origin.address.tls else "ws"
        try:
            return await Direct(
                f"{scheme}://{host(origin.address)}{target}",
                additional_headers=_headers(scope["headers"]),
                subprotocols=scope["subprotocols"] or None,
                ssl=self._pool.context(origin),
                user_agent_header=None,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=CONNECT_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                proxy=None,
            )
        except InvalidStatus as error:
            raise _Refused(error.response) from None
        except (TimeoutError, asyncio.TimeoutError):
            raise app_failed(
                route, f"it took no WebSocket within {CONNECT_TIMEOUT_S:g} s"
            ) from None
        except (OSError, InvalidHandshake, ValueError) as error:
            reason = "nothing listens there" if isinstance(error, ConnectionRefusedError) else error
            raise app_failed(route, str(reason)) from error


class _Refused(Exception):
    """The app answered with something else than a WebSocket, which its caller may see."""

    def __init__(self, response: "Response") -> None:
        super().__init__(response.status_code)
        self.status = response.status_code
        self.body = bytes(response.body or b"")
        kind = response.headers.get("content-type")
        self.headers: list[Header] = [] if kind is None else [(b"content-type", kind.encode())]


async def _refuse(send: Send, status: int, headers: list[Header], body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    start = {
        "type": "websocket.http.response.start",
        "status": status,
        "headers": [*headers, length],
    }
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})


async def _pass_messages(app: "ClientConnection", receive: Receive, send: Send) -> None:
    """Pass messages both ways until one side closes, then close the other one alike."""
    await send({"type": "websocket.accept", "subprotocol": app.subprotocol, "headers": []})
    to_app = asyncio.ensure_future(_to_app(app, receive))
    to_caller = asyncio.ensure_future(_to_caller(app, send))
    both = {to_app, to_caller}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if to_app.done():
            await app.close(*to_app.result())
        else:
            code, reason = to_caller.result()
            await send({"type": "websocket.close", "code": code, "reason": reason})
    except asyncio.CancelledError:
        reason = "the platform is stopping"
        await send({"type": "websocket.close", "code": GOING_AWAY, "reason": reason})
        raise
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _to_app(app: "ClientConnection", receive: Receive) -> tuple[int, str]:
    """Pass what the caller says.

    Returns:
        How the caller closed: code and reason.
    """
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed):
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return sendable(message.get("code") or 1005), message.get("reason") or ""
            text = message.get("text")
            await app.send(message["bytes"] if text is None else text)
    return await _for_ever()


async def _to_caller(app: "ClientConnection", send: Send) -> tuple[int, str]:
    """Pass what the app says.

    Returns:
        How the app closed: code and reason.
    """
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(OSError):
        try:
            while True:
                message = await app.recv()
                kind = "text" if isinstance(message, str) else "bytes"
                await send({"type": "websocket.send", kind: message})
        except ConnectionClosed:
            return sendable(app.close_code or 1006), app.close_reason or ""
    return await _for_ever()


async def _for_ever() -> NoReturn:
    """Leave it to the other direction to say how this ends; it cancels this one."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets this event")


def sendable(code: int) -> int:
    """The code to pass on when a side closed with ``code``."""
    return _UNSENDABLE.get(code, code)


def _headers(headers: list[Header]) -> list[tuple[str, str]]:
    lower = [(name.lower(), value) for name, value in headers]
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in passed(lower, _HANDSHAKE)
    ]
