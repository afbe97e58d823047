"""The data plane as an ASGI callable."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache, partial
from typing import Any

from lakeserve.core.authentication import authenticate
from lakeserve.core.errors import (
    Internal,
    MethodNotAllowed,
    NotBuilt,
    Unavailable,
    UnknownApi,
    WireError,
)
from lakeserve.core.identity import Principal
from lakeserve.core.ids import request_id
from lakeserve.core.ports import Activator, Directory
from lakeserve.core.request_context import current_request
from lakeserve.gateway.accounting import Account
from lakeserve.gateway.attempts import Attempts, Begun
from lakeserve.gateway.driver_proxy import DriverCall, DriverProxy
from lakeserve.gateway.driver_socket import DriverSockets
from lakeserve.gateway.exchange import Connected, Exchange
from lakeserve.gateway.guard import CallGuard, Guard
from lakeserve.gateway.inference import Call, GatewayLimits, Inference
from lakeserve.gateway.intake import CallerGone, Incoming, Receive
from lakeserve.gateway.known_callers import KnownCallers
from lakeserve.gateway.model_lists import models
from lakeserve.gateway.paths import (
    DriverRoute,
    InferenceRoute,
    ModelsRoute,
    UnbuiltRoute,
    is_data_plane,
    is_registry,
    parse,
    takes_api_key,
)
from lakeserve.gateway.plain import PlainCalls
from lakeserve.gateway.registry_proxy import RegistryCall, RegistryProxy
from lakeserve.gateway.reply import AsgiReply, Header, Reply, Send
from lakeserve.gateway.seams import Seams
from lakeserve.gateway.upstream.pool import UpstreamPool

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Work = Callable[..., Awaitable[None]]

# A caller that does not even take an error must not hold a call for ever.
FAIL_TIMEOUT_S = 5.0
MAX_DISCARDED_BYTES = 64 * 1024 * 1024


class Gateway:
    """Answers the data plane's paths.

    Whoever makes one closes it with ``aclose``.
    """

    def __init__(
        self,
        directory: Directory,
        activator: Activator,
        limits: GatewayLimits,
        seams: Seams | None = None,
    ) -> None:
        self._directory = directory
        self._limits = limits
        self._seams = seams or Seams()
        self._pool = UpstreamPool()
        attempts = Attempts(self._pool, activator)
        self._inference = Inference(attempts, limits, self._seams)
        self._plain = PlainCalls(attempts, self._seams)
        self._registry_proxy = RegistryProxy(self._pool, activator)
        self._driver_proxy = DriverProxy(self._pool, limits.max_request_bytes)
        self._sockets = DriverSockets(directory, self._pool)
        self._known = KnownCallers()
        self._running: set[Guard] = set()
        self._is_closing = False
        self._emptied = asyncio.Event()

    @staticmethod
    def handles(path: str) -> bool:
        """Whether a path belongs to the data plane; the gateway answers for unknown ones too."""
        return is_data_plane(path)

    @property
    def in_flight(self) -> int:
        """Calls that are being answered."""
        return len(self._running)

    @property
    def upstream_connections(self) -> int:
        """Open connections to upstreams, idle ones included."""
        return self._pool.open_connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or serve one WebSocket to its end."""
        if scope["type"] == "websocket":
            await self._sockets.serve(scope, receive, send)
            return
        started = time.perf_counter()
        reply = AsgiReply(send, request_id())
        current_request.set(reply.request_id)
        incoming = Incoming(receive)
        guard = CallGuard(self._limits.request_timeout_s)
        self._running.add(guard)
        try:
            with guard:
                call = await self._admitted(scope, incoming, reply, guard)
                if call is not None:
                    account = self._account(call.caller, call.headers, reply.request_id, started)
                    await self._inference.answer(call, account)
        except CallerGone:
            logger.debug("request %s: the caller has gone", reply.request_id)
        except WireError as error:
            await _take_rest(scope, incoming)
            await _fail(reply, error)
        except Exception:
            logger.exception("request %s failed", reply.request_id)
            await _fail(reply, _own_fault(reply))
        finally:
            self._leave(guard)

    def admit(
        self, url: bytes, header_list: list[Header], connection: Connected
    ) -> Exchange | None:
        """A call that can be answered without ASGI, or None for any other request.

        Args:
            url: As it stands in the request's first line.
            header_list: Names in lower case.
            connection: Where the request comes from.
        """
        route = direct_route(url)
        if route is None or self._is_closing:
            return None
        headers = dict(header_list)
        length = headers.get(b"content-length", b"")
        if (
            not length.isdigit()
            or int(length[:18]) > self._limits.max_request_bytes
            or b"transfer-encoding" in headers
            or b"expect" in headers
        ):
            return None
        snapshot = self._directory.snapshot()
        caller = self._known.principal(headers.get(b"authorization", b""), snapshot)
        if caller is None:
            return None
        return Exchange(
            connection,
            self,
            request_id(),
            route,
            caller,
            snapshot,
            headers,
            time.perf_counter(),
        )

    def start(self, exchange: Exchange) -> None:
        """Begin to answer a call that was admitted, and whose body is here."""
        self._running.add(exchange)
        parts = exchange.parts
        raw = parts[0] if len(parts) == 1 else b"".join(parts)
        headers = exchange.headers
        account = self._account(exchange.caller, headers, exchange.request_id, exchange.started_at)
        try:
            call = self._plain.begin(
                exchange.route, exchange.caller, exchange.snapshot, headers, raw, account
            )
        except Exception as error:  # noqa: BLE001 - told by _serve
            exchange.run(self._serve(exchange, account, _failing, account, error))
            return
        if call is None:
            exchange.run(
                self._serve(exchange, account, self._answer_admitted, exchange, raw, account)
            )
        elif isinstance(call, Begun):
            exchange.begun = call
            call.connection.on_news = partial(self._hear, exchange, call)
        else:
            exchange.run(self._serve(exchange, account, self._inference.go_on, exchange, call))

    def _hear(self, exchange: Exchange, call: Begun) -> None:
        """The upstream of a begun call has answered, or failed."""
        answer = call.answer()
        if answer is None:
            exchange.run(self._serve(exchange, call.account, self._go_on, exchange, call))
            return
        account, connection = call.account, call.connection
        account.first_byte = connection.answered_at
        account.answered(answer)
        self._pool.release(connection)
        exchange.begun = None
        try:
            account.close(200)
        except Exception as error:  # noqa: BLE001 - told by _serve
            exchange.run(self._serve(exchange, account, _failing, account, error))
            return
        exchange.write_answer(answer, call.way.answer_lines, account.timing()[1])
        self._running.discard(exchange)
        if self._is_closing:
            self._leave(exchange)

    def _account(
        self, caller: Principal, headers: Mapping[bytes, bytes], request_id: str, started: float
    ) -> Account:
        """What is going to be written down of a call."""
        account = Account(self._seams.ledger, request_id, caller, headers, started)
        if self._seams.tracing is not None:
            account.trace = self._seams.tracing.begin(headers)
        return account

    def give_up(self, exchange: Exchange, call: Begun) -> None:
        """A call is to end before its answer has come."""
        call.connection.on_news = None
        self._pool.release(call.connection)
        if not exchange.has_task:
            exchange.run(self._serve(exchange, call.account, self._go_on, exchange, call))

    async def _go_on(self, exchange: Exchange, call: Begun) -> None:
        exchange.begun = None  # from here on, its connection is given back by whoever fails
        await self._inference.go_on(exchange, call)

    async def _answer_admitted(self, exchange: Exchange, raw: bytes, account: Account) -> None:
        await self._inference.answer(
            Call(
                exchange.route,
                exchange.caller,
                exchange.snapshot,
                exchange.headers,
                raw,
                exchange,
                exchange,
            ),
            account,
        )

    async def _serve(self, exchange: Exchange, account: Account, work: Work, *args: Any) -> None:
        """See a call to its end, however its work ends."""
        exchange.is_served = True
        current_request.set(exchange.request_id)
        try:
            if exchange.reason is not None:  # it was to end before this began
                await _failing(account, exchange.reason)
            await work(*args)
        except asyncio.CancelledError:
            reason = exchange.ended()
            if reason is None:
                raise
            if isinstance(reason, WireError):
                await exchange.fail(reason)
        except CallerGone:
            pass
        except WireError as error:
            await exchange.fail(error)
        except Exception:
            logger.exception("request %s failed", exchange.request_id)
            await exchange.fail(_own_fault(exchange))
        finally:
            exchange.leave()
            self._leave(exchange)

    def _leave(self, guard: Guard) -> None:
        self._running.discard(guard)
        if self._is_closing and not self._running:
            self._emptied.set()

    async def aclose(self, grace_s: float) -> None:
        """Refuse new calls, let running ones end for ``grace_s`` seconds, then end them."""
        self._is_closing = True
        await self._sockets.aclose()
        if self._running and not await self._empties(grace_s):
            for guard in tuple(self._running):
                guard.cut_short(Unavailable("The platform is stopping."))
            await self._empties(FAIL_TIMEOUT_S)
        await self._inference.aclose()
        self._pool.close()

    async def _empties(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._emptied.wait(), seconds)
        except (TimeoutError, asyncio.TimeoutError):
            return False
        return True

    async def _admitted(
        self, scope: Scope, receive: Receive, reply: AsgiReply, guard: CallGuard
    ) -> Call | None:
        """The call of an endpoint that a request is; None for another one, which is answered."""
        try:
            return await self._call(scope, receive, reply, guard)
        except WireError as error:
            if self._seams.ledger is not None:
                self._seams.ledger.unmatched(error.status)
            raise

    async def _call(
        self, scope: Scope, receive: Receive, reply: AsgiReply, guard: CallGuard
    ) -> Call | None:
        if self._is_closing:
            raise Unavailable("The platform is stopping.")
        snapshot = self._directory.snapshot()
        header_list = scope["headers"]
        headers = dict(header_list)
        path: str = scope["path"]
        authorization = headers.get(b"authorization")
        if authorization is None and takes_api_key(path) and b"x-api-key" in headers:
            authorization = b"Bearer " + headers[b"x-api-key"]
        caller = authenticate(
            None if authorization is None else authorization.decode("latin-1"),
            snapshot.principals,
            snapshot.signed,
        )
        method: str = scope["method"]
        if is_registry(path):
            target = _raw_path(scope) + _query(scope)
            await self._registry_proxy.answer(
                RegistryCall(method, target, headers, receive, reply, guard)
            )
            return None
        is_driver = path.startswith("/driver-")
        route = parse(_raw_path(scope) if is_driver else path)
        if route is None:
            raise UnknownApi(f"No API found for '{method} {path}'")
        if isinstance(route, UnbuiltRoute):
            raise NotBuilt(f"{route.name} is not implemented by this server.")
        if isinstance(route, DriverRoute):
            query = scope.get("query_string", b"").decode("latin-1")
            await self._driver_proxy.answer(
                DriverCall(
                    route, caller, method, query, header_list, snapshot, receive, reply, guard
                )
            )
            return None
        if isinstance(route, ModelsRoute):
            if method != "GET":
                raise MethodNotAllowed(
                    f"{method} is not allowed for {path}; send GET.", allow="GET"
                )
            query_string = scope.get("query_string", b"")
            found = models(route.dialect, route.model, snapshot, caller, query_string)
            await reply.whole(200, found, ())
            return None
        if method != "POST":
            raise MethodNotAllowed(f"{method} is not allowed for {path}; send POST.", allow="POST")
        return Call(route, caller, snapshot, headers, receive, reply, guard)


async def _take_rest(scope: Scope, incoming: Incoming) -> None:
    """Let a caller that is still sending finish.

    Answered and closed in the middle, the connection would be reset, and most clients report that
    instead of reading the answer. Who asks before sending gets the answer instead of a go-ahead.
    """
    if incoming.is_over or any(name == b"expect" for name, _ in scope["headers"]):
        return
    with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
        await asyncio.wait_for(incoming.discard(MAX_DISCARDED_BYTES), FAIL_TIMEOUT_S)


@lru_cache(maxsize=1024)
def direct_route(url: bytes) -> InferenceRoute | None:
    """The call that a plain path asks for; None for what needs a closer look."""
    if not url.startswith(b"/serving-endpoints/") or not url.isascii() or b"%" in url:
        return None
    if b"?" in url or b"#" in url:
        return None
    route = parse(url.decode("ascii"))
    return route if isinstance(route, InferenceRoute) else None


async def _failing(account: Account, error: Exception) -> None:
    """The rest of a call that has failed."""
    account.close_with(error)
    raise error


def _own_fault(reply: Reply) -> Internal:
    """The error for a fault of the gateway, which its log explains."""
    return Internal(f"The gateway failed; its log says why under request id {reply.request_id}.")


async def _fail(reply: Reply, error: WireError) -> None:
    try:
        await asyncio.wait_for(reply.fail(error), FAIL_TIMEOUT_S)
    except (TimeoutError, asyncio.TimeoutError):
        logger.warning("request %s: the caller took no error", reply.request_id)


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"]
    return path if raw is None else raw.decode("latin-1")


def _query(scope: Scope) -> str:
    query: bytes = scope.get("query_string", b"")
    return f"?{query.decode('latin-1')}" if query else ""
