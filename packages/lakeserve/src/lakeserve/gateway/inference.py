"""One call of an endpoint, from its body to the last byte of its answer."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from lakeserve.core.endpoints import Address, RoutableEndpoint, Target
from lakeserve.core.errors import (
    BadRequest,
    BadUpstream,
    ConfigurationError,
    PermissionDenied,
    ResourceMissing,
    Unavailable,
    WireError,
)
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Activator, Snapshot
from lakeserve.gateway.guard import CallGuard
from lakeserve.gateway.intake import Receive, json_object, read_body
from lakeserve.gateway.paths import InferenceRoute
from lakeserve.gateway.reply import Header, Reply
from lakeserve.gateway.sse import DONE, EventSplitter
from lakeserve.gateway.task import Question, question
from lakeserve.gateway.traffic import pick
from lakeserve.gateway.upstream.connection import Connection
from lakeserve.gateway.upstream.failure import UpstreamFailure
from lakeserve.gateway.upstream.head import json_request
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool
from lakeserve.providers.base import Asked, EventTranslator, Provider, UpstreamRequest
from lakeserve.providers.table import provider

MAX_REPLY_BYTES = 64 * 1024 * 1024

MISSING_ENDPOINT = (
    "The given endpoint does not exist, please retry after checking the specified model and"
    " version deployment exists."
)

# Some servers stream under a generic type; JSON and HTML are surely no events.
_STREAM_TYPES = {"text/event-stream", "application/octet-stream", "text/plain", ""}


class Call(NamedTuple):  # made once per call, for a third of what a frozen dataclass costs
    """What the caller sent, and the way back to it."""

    route: InferenceRoute
    caller: Principal
    snapshot: Snapshot
    headers: Mapping[bytes, bytes]
    receive: Receive
    reply: Reply
    guard: CallGuard


class Inference:
    """Answers calls of endpoints."""

    def __init__(self, pool: UpstreamPool, activator: Activator, max_request_bytes: int) -> None:
        self._pool = pool
        self._activator = activator
        self._max_request_bytes = max_request_bytes

    async def answer(self, call: Call) -> None:
        """Answer one call.

        Raises:
            WireError: It failed; when the reply has started, in the middle of its stream.
            CallerGone: There is nobody left to answer.
        """
        endpoint = _named_endpoint(call)
        raw = await read_body(call.headers, call.receive, self._max_request_bytes)
        call.guard.watch(call.receive)
        body = json_object(raw, call.headers)
        endpoint = endpoint or _model_endpoint(call, body)
        asked = question(endpoint, call.route.operation, body, raw)
        target = pick(endpoint, call.route.entity)
        translation = _translation(target)
        request = translation.build(target, asked.operation, asked.body, asked.raw)
        try:
            connection = await self._send(target, translation, request, asked.stream)
            try:
                await _relay(call.reply, connection, target, translation, asked)
            finally:
                self._pool.release(connection)
        except UpstreamFailure as failure:
            raise _failed(target, translation, failure) from failure

    async def _send(
        self, target: Target, translation: Provider, request: UpstreamRequest, stream: bool
    ) -> Connection:
        limit = None if stream else MAX_REPLY_BYTES
        address = target.address or await self._activator.activate(target.entity_id)
        try:
            payload = _payload(target, address, request)
            return await self._pool.exchange(Origin(address), payload, b"POST", limit)
        except UpstreamFailure as failure:
            if failure.received or not translation.restartable:
                raise
        address = await self._activator.activate(target.entity_id)
        payload = _payload(target, address, request)
        return await self._pool.exchange(Origin(address), payload, b"POST", limit)


def _payload(target: Target, address: Address, request: UpstreamRequest) -> bytes:
    try:
        return json_request(address, request.path, request.headers, request.body)
    except ValueError as error:
        raise Unavailable(
            f"The configuration of served entity {target.entity_name!r} cannot be sent: {error}"
        ) from None


async def _relay(
    reply: Reply, connection: Connection, target: Target, translation: Provider, asked: Question
) -> None:
    """Pass the upstream's answer on."""
    if not 200 <= connection.status < 300:
        raise await _refusal(connection, target, translation)
    if asked.stream and _media_type(connection) in _STREAM_TYPES:
        await _relay_events(reply, connection, target, translation, asked)
        return
    body = await connection.body(MAX_REPLY_BYTES)
    if asked.stream or not _looks_like_object(body):
        expected = "a stream of events" if asked.stream else "a JSON object"
        raise BadUpstream(
            f"The upstream of served entity {target.entity_name!r} answered with"
            f" {_media_type(connection) or 'no content type'} where {expected} was expected."
        )
    body = translation.reply(Asked(target, asked.operation, asked.body), body)
    await reply.whole(200, body, _origin_headers(target))


async def _relay_events(
    reply: Reply, connection: Connection, target: Target, translation: Provider, asked: Question
) -> None:
    splitter = EventSplitter()
    translator = translation.events(Asked(target, asked.operation, asked.body))
    await reply.start_events(_origin_headers(target))
    try:
        while data := await connection.read():
            events = splitter.feed(data)
            if translator is not None and events:
                events = translator.feed(events)
            if events:
                await reply.part(events)
            if translator is not None and translator.failure is not None:
                raise _without_credential(translator.failure, target)
    except UpstreamFailure:
        if not (splitter.done if translator is None else translator.done):
            raise
    if _is_cut(connection, splitter, translator):
        raise BadUpstream(
            f"The upstream of served entity {target.entity_name!r} ended its stream early."
        )
    await reply.end(b"" if splitter.done and translator is None else DONE)


def _is_cut(
    connection: Connection, splitter: EventSplitter, translator: EventTranslator | None
) -> bool:
    """Whether a stream that has ended is not whole."""
    if translator is not None:
        return not translator.done
    return not splitter.done and connection.close_delimited


async def _refusal(connection: Connection, target: Target, translation: Provider) -> WireError:
    """The error that stands for the upstream's; its text never holds our credential."""
    body = await connection.body(MAX_REPLY_BYTES)
    headers = {name.decode("latin-1"): v.decode("latin-1") for name, v in connection.headers}
    error = translation.error(connection.status, body, headers)
    return _without_credential(error, target)


def _without_credential(error: WireError, target: Target) -> WireError:
    if target.credential and target.credential in error.message:
        error.message = error.message.replace(target.credential, "[REDACTED]")
    return error


def _failed(target: Target, translation: Provider, failure: UpstreamFailure) -> WireError:
    if translation.restartable and not failure.received:
        return Unavailable(
            f"The worker of served entity {target.entity_name!r} does not answer: {failure.reason}."
        )
    return BadUpstream(
        f"The upstream of served entity {target.entity_name!r} failed: {failure.reason}."
    )


def _named_endpoint(call: Call) -> RoutableEndpoint | None:
    name = call.route.endpoint
    return None if name is None else _endpoint(call, name)


def _model_endpoint(call: Call, body: Mapping[str, Any]) -> RoutableEndpoint:
    if "model" not in body:
        raise BadRequest("Missing required field 'model': the name of the endpoint.")
    name = body["model"]
    if not isinstance(name, str):
        raise BadRequest("Field 'model' must be a string, the name of the endpoint.")
    return _endpoint(call, name)


def _endpoint(call: Call, name: str) -> RoutableEndpoint:
    endpoint = call.snapshot.endpoints.get(name)
    if endpoint is not None:
        if endpoint.callers.include(call.caller):
            return endpoint
        if endpoint.viewers.include(call.caller):
            raise PermissionDenied(f"{call.caller.name} does not have CAN_QUERY on '{name}'.")
    # The same answer for both: who may not see an endpoint learns nothing of it.
    raise ResourceMissing(MISSING_ENDPOINT)


def _translation(target: Target) -> Provider:
    try:
        return provider(target.provider)
    except ConfigurationError as error:
        raise Unavailable(f"Served entity {target.entity_name!r} cannot serve: {error}") from None


def _media_type(connection: Connection) -> str:
    for name, value in connection.headers:
        if name == b"content-type":
            return value.partition(b";")[0].strip().lower().decode("latin-1")
    return ""


def _looks_like_object(body: bytes) -> bool:
    """Whether a reply can be JSON; parsing what is only passed on would cost too much."""
    if body[:1] == b"{" and body[-1:] == b"}":
        return True
    body = body.strip()
    return body[:1] == b"{" and body[-1:] == b"}"


def _origin_headers(target: Target) -> tuple[Header, Header]:
    return _named_headers(target.entity_name, target.model_name)


@lru_cache(maxsize=1024)
def _named_headers(entity_name: str, model_name: str) -> tuple[Header, Header]:
    return (
        (b"served-model-name", _header_value(entity_name)),
        (b"x-lakeserve-model", _header_value(model_name)),
    )


def _header_value(text: str) -> bytes:
    """Text as a header value; what cannot stand in one becomes a question mark."""
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode()
