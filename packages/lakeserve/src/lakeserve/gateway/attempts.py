"""Asks the entities of an endpoint, one after the other, until one begins to answer."""

import asyncio
import time
from typing import NamedTuple

from lakeserve.core.ai_gateway import AiGateway, Routing
from lakeserve.core.endpoints import Address, RoutableEndpoint, Target
from lakeserve.core.errors import (
    BadUpstream,
    ConfigurationError,
    DeadlineExceeded,
    Unavailable,
    WireError,
)
from lakeserve.core.ports import Activator
from lakeserve.gateway.accounting import Account
from lakeserve.gateway.attempt_failure import AttemptFailed, may_pass, pause_s, unusable
from lakeserve.gateway.circuits import Circuits
from lakeserve.gateway.events import EventSource
from lakeserve.gateway.replicas import least_busy
from lakeserve.gateway.retry_budget import RetryBudget
from lakeserve.gateway.sse import EventSplitter
from lakeserve.gateway.task import Question
from lakeserve.gateway.traffic import order
from lakeserve.gateway.upstream.connection import Connection, Patience
from lakeserve.gateway.upstream.failure import TimedOut, UpstreamFailure
from lakeserve.gateway.upstream.head import json_request, url
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool
from lakeserve.providers.base import Asked, Provider, UpstreamRequest
from lakeserve.providers.table import provider

MAX_REPLY_BYTES = 64 * 1024 * 1024
NOTHING_WANTED = AiGateway()

# Some servers stream under a generic type; JSON and HTML are surely no events.
_STREAM_TYPES = {
    "text/event-stream",
    "application/octet-stream",
    "application/vnd.amazon.eventstream",
    "text/plain",
    "",
}


class WholeAnswer(NamedTuple):
    """An answer in one piece, in the caller's form."""

    target: Target
    body: bytes


class OpenStream(NamedTuple):
    """An answer in events of which the first ones are here; ``first`` is empty when it has none."""

    target: Target
    first: bytes
    events: EventSource


class Attempts:
    """Opens answers. Whoever gets an open stream gives its connection back with ``release``."""

    def __init__(self, pool: UpstreamPool, activator: Activator) -> None:
        self._pool = pool
        self._activator = activator
        self._budget = RetryBudget()
        self._circuits = Circuits(time.monotonic)

    def release(self, stream: OpenStream) -> None:
        """The stream is over, or nobody wants the rest of it."""
        self._pool.release(stream.events.connection)

    async def open(
        self, endpoint: RoutableEndpoint, entity: str | None, asked: Question, account: Account
    ) -> WholeAnswer | OpenStream:
        """The first answer that begins.

        Args:
            endpoint: Whose entities are asked.
            entity: The only one that may answer, or None for any.
            asked: The question.
            account: Is told of every attempt.

        Raises:
            WireError: Nobody answers; it is the last one's error.
        """
        wanted = endpoint.ai_gateway or NOTHING_WANTED
        if wanted.routing.retries:
            self._budget.earn(endpoint.id)
        failed: AttemptFailed | None = None
        for target in order(endpoint, entity):
            try:
                return await self._ask(endpoint, target, wanted, asked, account)
            except AttemptFailed as failure:
                failed = failure
            if not wanted.fallback or not may_pass(wanted.routing, failed):
                break
        if failed is None:
            raise Unavailable(f"Endpoint {endpoint.name!r} has no served entity yet.")
        raise failed.error from failed.__cause__

    async def _ask(
        self,
        endpoint: RoutableEndpoint,
        target: Target,
        wanted: AiGateway,
        asked: Question,
        account: Account,
    ) -> WholeAnswer | OpenStream:
        """Ask one entity, again where its endpoint's owner wants that.

        Raises:
            AttemptFailed: It did not begin to answer.
        """
        self._circuits.check(target)
        retries = 0 if account.is_shadow else wanted.routing.retries
        number = 0
        while True:
            try:
                answer = await self._attempt(endpoint, target, wanted.routing, asked, account)
            except AttemptFailed as failure:
                self._circuits.failed(target, failure.status, failure.error)
                pause = pause_s(number, failure.error.retry_after)
                number += 1
                if (
                    number > retries
                    or failure.is_final
                    or pause is None
                    or not may_pass(wanted.routing, failure)
                    or not self._budget.spend(endpoint.id)
                ):
                    raise
            else:
                self._circuits.succeeded(target)
                return answer
            await asyncio.sleep(pause)

    async def _attempt(
        self,
        endpoint: RoutableEndpoint,
        target: Target,
        routing: Routing,
        asked: Question,
        account: Account,
    ) -> WholeAnswer | OpenStream:
        if target.failure is not None:
            raise unusable(
                f"Served entity {target.entity_name!r} of endpoint {endpoint.name!r} cannot serve:"
                f" {target.failure}"
            )
        translation = _translation(target)
        request = translation.build(target, asked.operation, asked.body, asked.raw)
        patience = None
        if routing.first_token_timeout_s is not None or routing.timeout_s is not None:
            patience = Patience(routing.first_token_timeout_s, routing.timeout_s)
        if passed_on := account.begins(target):
            request = request._replace(headers=(*request.headers, *passed_on))
        try:
            connection = await self._send(target, translation, request, asked.stream, patience)
            try:
                return await self._begin(connection, target, translation, asked, account)
            except BaseException:
                self._pool.release(connection)
                raise
        except UpstreamFailure as failure:
            raise AttemptFailed(_failed(target, translation, failure)) from failure

    async def _send(
        self,
        target: Target,
        translation: Provider,
        request: UpstreamRequest,
        stream: bool,
        patience: Patience | None,
    ) -> Connection:
        limit = None if stream else MAX_REPLY_BYTES
        address = least_busy(target, self._pool) or await self._activate(target)
        try:
            payload = await _payload(target, address, request)
            return await self._pool.exchange(Origin(address), payload, b"POST", limit, patience)
        except UpstreamFailure as failure:
            if failure.received or not translation.restartable or isinstance(failure, TimedOut):
                raise
        address = await self._activate(target)
        payload = await _payload(target, address, request)
        return await self._pool.exchange(Origin(address), payload, b"POST", limit, patience)

    async def _activate(self, target: Target) -> Address:
        try:
            return await self._activator.activate(target.entity_id)
        except WireError as error:
            raise AttemptFailed(error, is_final=True) from error

    async def _begin(
        self,
        connection: Connection,
        target: Target,
        translation: Provider,
        asked: Question,
        account: Account,
    ) -> WholeAnswer | OpenStream:
        """The answer, once it can be told that it is one."""
        account.first_byte = connection.answered_at
        if not 200 <= connection.status < 300:
            error = await _refusal(connection, target, translation)
            raise AttemptFailed(error, connection.status)
        if asked.stream and _media_type(connection) in _STREAM_TYPES:
            return await _open_stream(connection, target, translation, asked)
        body = await connection.body(MAX_REPLY_BYTES)
        if asked.stream or not _looks_like_object(body):
            expected = "a stream of events" if asked.stream else "a JSON object"
            raise AttemptFailed(
                BadUpstream(
                    f"The upstream of served entity {target.entity_name!r} answered with"
                    f" {_media_type(connection) or 'no content type'} where {expected} was"
                    " expected."
                )
            )
        self._pool.release(connection)
        return WholeAnswer(target, _read_reply(target, translation, asked, body))


async def _open_stream(
    connection: Connection, target: Target, translation: Provider, asked: Question
) -> OpenStream:
    question = Asked(target, asked.operation, asked.body)
    framing = translation.framing(question) or EventSplitter()
    events = EventSource(connection, target, framing, translation.events(question))
    try:
        first = await events.read()
        connection.has_begun()
        return OpenStream(target, first, events)
    except WireError as error:
        raise AttemptFailed(without_credential(error, target)) from error


def _read_reply(target: Target, translation: Provider, asked: Question, body: bytes) -> bytes:
    try:
        return translation.reply(Asked(target, asked.operation, asked.body), body)
    except WireError as error:
        raise AttemptFailed(error) from error


async def _payload(target: Target, address: Address, request: UpstreamRequest) -> bytes:
    headers = request.headers
    if target.signer is not None:
        try:
            signed = await target.signer.headers(url(address, request.path), request.body)
        except WireError as error:
            raise AttemptFailed(error) from error
        headers = (*headers, *signed)
    try:
        return json_request(address, request.path, headers, request.body)
    except ValueError as error:
        raise unusable(
            f"The configuration of served entity {target.entity_name!r} cannot be sent: {error}"
        ) from None


def _translation(target: Target) -> Provider:
    try:
        return provider(target.provider)
    except ConfigurationError as error:
        raise unusable(f"Served entity {target.entity_name!r} cannot serve: {error}") from None


async def _refusal(connection: Connection, target: Target, translation: Provider) -> WireError:
    """The error that stands for the upstream's; its text never holds our credential."""
    body = await connection.body(MAX_REPLY_BYTES)
    headers = {name.decode("latin-1"): v.decode("latin-1") for name, v in connection.headers}
    return without_credential(translation.error(connection.status, body, headers), target)


def without_credential(error: WireError, target: Target) -> WireError:
    """The same error, its text without the credential that the upstream was shown."""
    if target.credential and target.credential in error.message:
        error.message = error.message.replace(target.credential, "[REDACTED]")
    if target.signer is not None:
        error.message = target.signer.conceal(error.message)
    return error


def _failed(target: Target, translation: Provider, failure: UpstreamFailure) -> WireError:
    if translation.restartable and not failure.received and not isinstance(failure, TimedOut):
        return Unavailable(
            f"The worker of served entity {target.entity_name!r} does not answer: {failure.reason}."
        )
    return cut(target, failure)


def cut(target: Target, failure: UpstreamFailure) -> WireError:
    """The error for an upstream that failed without saying why."""
    if isinstance(failure, TimedOut):
        return DeadlineExceeded(
            f"The upstream of served entity {target.entity_name!r} was too slow: {failure.reason}."
        )
    return BadUpstream(
        f"The upstream of served entity {target.entity_name!r} failed: {failure.reason}."
    )


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
