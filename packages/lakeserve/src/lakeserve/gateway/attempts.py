"""Asks the entities of an endpoint, one after the other, until one begins to answer."""

import asyncio
import time
from typing import NamedTuple, cast

from lakeserve.core.ai_gateway import AiGateway, Routing
from lakeserve.core.endpoints import Address, RoutableEndpoint, Target
from lakeserve.core.errors import (
    BadUpstream,
    DeadlineExceeded,
    Unavailable,
    WireError,
)
from lakeserve.core.ports import Activator
from lakeserve.gateway.accounting import Account
from lakeserve.gateway.attempt_failure import AttemptFailed, may_pass, pause_s, unusable
from lakeserve.gateway.batches import (
    Attempted,
    Batch,
    Embedded,
    Together,
    answers,
    embedded,
    exceeds,
    joined,
    split,
)
from lakeserve.gateway.circuits import Circuits
from lakeserve.gateway.events import EventSource
from lakeserve.gateway.replicas import least_busy
from lakeserve.gateway.retry_budget import RetryBudget
from lakeserve.gateway.sse import EventSplitter
from lakeserve.gateway.task import Question
from lakeserve.gateway.traffic import following, order
from lakeserve.gateway.upstream.connection import Connection, Patience
from lakeserve.gateway.upstream.failure import TimedOut, UpstreamFailure
from lakeserve.gateway.upstream.head import url
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool
from lakeserve.gateway.way import Way
from lakeserve.providers.base import Asked, Provider, UpstreamRequest

MAX_REPLY_BYTES = 64 * 1024 * 1024
MAX_WAYS = 4096
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


class Begun:
    """A call whose question was sent, and whose answer nobody waits for yet."""

    __slots__ = ("account", "asked", "connection", "endpoint", "request", "target", "way")

    def __init__(
        self,
        account: Account,
        endpoint: RoutableEndpoint,
        asked: Question,
        target: Target,
        way: Way,
        request: UpstreamRequest,
        connection: Connection,
    ) -> None:
        self.account = account
        self.endpoint = endpoint
        self.asked = asked
        self.target = target
        self.way = way
        self.request = request
        self.connection = connection

    def answer(self) -> bytes | None:
        """The answer in the caller's form, if that is all there is to it: a whole success."""
        body = self.connection.success()
        if body is None or body[:1] != b"{" or body[-1:] != b"}":  # with space around: not here
            return None
        asked = self.asked
        try:
            return self.way.translation.reply(Asked(self.target, asked[0], asked[1]), body)
        except Exception:  # noqa: BLE001 - raised again where it is read once more, in a task
            return None


class Attempts:
    """Opens answers. Whoever gets an open stream gives its connection back with ``release``."""

    def __init__(self, pool: UpstreamPool, activator: Activator) -> None:
        self._pool = pool
        self._activator = activator
        self._budget = RetryBudget()
        self._circuits = Circuits(time.monotonic)
        self._ways: dict[int, Way] = {}

    def release(self, stream: OpenStream) -> None:
        """The stream is over, or nobody wants the rest of it."""
        self._pool.release(stream.events.connection)

    def begin(
        self, endpoint: RoutableEndpoint, target: Target, asked: Question, account: Account
    ) -> Begun | None:
        """Send the question to one entity without waiting, where that can be done.

        None where it cannot: ``open`` then does what it takes, or says what stands in the way.

        Raises:
            WireError: The question cannot be asked.
        """
        way = self._ways.get(id(target))
        if (
            way is None
            or way.target is not target
            or way.at_once is None
            or target.entity_id in self._circuits.failing
            or (way.most_texts is not None and exceeds(asked, way.most_texts))
        ):
            return None
        request = way.translation.build(target, asked.operation, asked.body, asked.raw)
        try:
            payload = way.payload(request)
        except AttemptFailed:
            return None
        if way.line is None:
            way.line = self._pool.line(way.at_once)
        connection = self._pool.kept(way.line)
        if connection is None:
            return None
        if passed_on := account.begins(target):
            request = request._replace(headers=(*request.headers, *passed_on))
            payload = way.payload(request)
        connection.ask(payload, b"POST", None if asked.stream else MAX_REPLY_BYTES)
        return Begun(account, endpoint, asked, target, way, request, connection)

    async def open(
        self,
        endpoint: RoutableEndpoint,
        entity: str | None,
        asked: Question,
        account: Account,
        begun: Begun | None = None,
    ) -> WholeAnswer | OpenStream:
        """The first answer that begins.

        Args:
            endpoint: Whose entities are asked.
            entity: The only one that may answer, or None for any.
            asked: The question.
            account: Is told of every attempt.
            begun: What ``begin`` has sent already.

        Raises:
            WireError: Nobody answers; it is the last one's error.
        """
        wanted = endpoint.ai_gateway or NOTHING_WANTED
        retries = 0 if account.is_shadow else wanted.routing.retries
        failed: AttemptFailed | None = None
        targets = (
            order(endpoint, entity) if begun is None else following(endpoint, begun.target, entity)
        )
        for target in targets:
            try:
                self._circuits.check(target)
                if begun is not None:
                    sent, begun = begun, None
                    answer = await self._go_on(sent)
                elif batches := self._batches(endpoint, target, asked):
                    answer = await self._ask_in_batches(
                        endpoint, target, wanted.routing, retries, batches, account
                    )
                elif retries:
                    answer = await self._insist(endpoint, target, wanted.routing, asked, account)
                else:
                    answer = await self._attempt(endpoint, target, wanted.routing, asked, account)
            except AttemptFailed as failure:
                self._circuits.failed(target, failure)
                failed = failure
            else:
                self._circuits.succeeded(target)
                return answer
            if not wanted.fallback or not may_pass(wanted.routing, failed):
                break
        if failed is None:
            raise Unavailable(f"Endpoint {endpoint.name!r} has no served entity yet.")
        raise failed.error from failed.__cause__

    def _batches(
        self, endpoint: RoutableEndpoint, target: Target, asked: Question
    ) -> list[Batch] | None:
        """What to ask an entity instead, if it takes fewer texts at a time; None if it does not."""
        most = self._way(endpoint, target).most_texts
        return None if most is None or not exceeds(asked, most) else split(asked, most)

    async def _ask_in_batches(
        self,
        endpoint: RoutableEndpoint,
        target: Target,
        routing: Routing,
        retries: int,
        batches: list[Batch],
        account: Account,
    ) -> WholeAnswer:
        """Ask one entity in several requests, each of them like any other.

        Raises:
            AttemptFailed: One of them was not answered.
        """
        together = Together(account)
        attempt = self._insist if retries else self._attempt
        room = MAX_REPLY_BYTES

        async def ask(batch: Batch) -> Embedded:
            nonlocal room
            answer = await attempt(endpoint, target, routing, batch.asked, together)
            part = embedded(batch, cast(WholeAnswer, answer).body)
            room -= len(part.data)
            if room < 0:
                raise AttemptFailed(
                    BadUpstream(
                        f"The answers of served entity {target.entity_name!r} are longer than"
                        f" {MAX_REPLY_BYTES} bytes together."
                    )
                )
            return part

        return WholeAnswer(target, joined(await answers(ask, batches)))

    async def _insist(
        self,
        endpoint: RoutableEndpoint,
        target: Target,
        routing: Routing,
        asked: Question,
        account: Attempted,
    ) -> WholeAnswer | OpenStream:
        """Ask one entity as often as its endpoint's owner wants.

        Raises:
            AttemptFailed: It did not begin to answer.
        """
        self._budget.earn(endpoint.id)
        for number in range(routing.retries):
            try:
                return await self._attempt(endpoint, target, routing, asked, account)
            except AttemptFailed as failure:
                pause = pause_s(number, failure.error.retry_after)
                if (
                    failure.is_final
                    or pause is None
                    or not may_pass(routing, failure)
                    or not self._budget.spend(endpoint.id)
                ):
                    raise
                self._circuits.failed(target, failure)
            await asyncio.sleep(pause)
        return await self._attempt(endpoint, target, routing, asked, account)

    async def _attempt(
        self,
        endpoint: RoutableEndpoint,
        target: Target,
        routing: Routing,
        asked: Question,
        account: Attempted,
    ) -> WholeAnswer | OpenStream:
        way = self._way(endpoint, target)
        translation = way.translation
        request = translation.build(target, asked.operation, asked.body, asked.raw)
        patience = _patience(routing)
        limit = None if asked.stream else MAX_REPLY_BYTES
        if passed_on := account.begins(target):
            request = request._replace(headers=(*request.headers, *passed_on))
        if target.others:
            way = Way(target, least_busy(target, self._pool))
        try:
            if way.origin is not None and target.signer is not None:
                request = await _signed(way.origin.address, target, request)
            connection = await self._exchange(way, request, limit, patience)
            return await self._begin(connection, target, translation, asked, account)
        except UpstreamFailure as failure:
            raise AttemptFailed(_failed(target, translation, failure)) from failure

    async def _go_on(self, begun: Begun) -> WholeAnswer | OpenStream:
        """Wait for the answer to a question that was sent."""
        target, asked, translation = begun.target, begun.asked, begun.way.translation
        limit = None if asked.stream else MAX_REPLY_BYTES
        try:
            connection = await self._exchange(
                begun.way, begun.request, limit, None, begun.connection
            )
            return await self._begin(connection, target, translation, asked, begun.account)
        except UpstreamFailure as failure:
            raise AttemptFailed(_failed(target, translation, failure)) from failure

    async def _exchange(
        self,
        way: Way,
        request: UpstreamRequest,
        limit: int | None,
        patience: Patience | None,
        begun: Connection | None = None,
    ) -> Connection:
        """Ask where the way leads, or bring the worker back that has been there."""
        if way.origin is not None:
            payload = way.payload(request)
            try:
                return await self._pool.exchange(
                    way.origin, payload, b"POST", limit, patience, begun
                )
            except UpstreamFailure as failure:
                if not _may_restart(way.translation, failure):
                    raise
        return await self._start(way, request, limit, patience)

    def _way(self, endpoint: RoutableEndpoint, target: Target) -> Way:
        way = self._ways.get(id(target))
        if way is not None and way.target is target:
            return way
        if target.failure is not None:
            raise unusable(
                f"Served entity {target.entity_name!r} of endpoint {endpoint.name!r} cannot serve:"
                f" {target.failure}"
            )
        if len(self._ways) >= MAX_WAYS:
            self._ways.clear()
        way = self._ways[id(target)] = Way(target)
        return way

    async def _start(
        self, way: Way, request: UpstreamRequest, limit: int | None, patience: Patience | None
    ) -> Connection:
        """Ask a worker that has no address, or whose address leads nowhere any more."""
        try:
            address = await self._activator.activate(way.target.entity_id)
        except WireError as error:
            raise AttemptFailed(error, is_final=True) from error
        moved = Way(way.target, address)
        return await self._pool.exchange(
            Origin(address), moved.payload(request), b"POST", limit, patience
        )

    async def _begin(
        self,
        connection: Connection,
        target: Target,
        translation: Provider,
        asked: Question,
        account: Attempted,
    ) -> WholeAnswer | OpenStream:
        """The answer, once it can be told that it is one; the connection is given back if not."""
        try:
            return await self._read(connection, target, translation, asked, account)
        except BaseException:
            self._pool.release(connection)
            raise

    async def _read(
        self,
        connection: Connection,
        target: Target,
        translation: Provider,
        asked: Question,
        account: Attempted,
    ) -> WholeAnswer | OpenStream:
        account.first_byte = connection.answered_at
        if not 200 <= connection.status < 300:
            error = await _refusal(connection, target, translation)
            raise AttemptFailed(error, connection.status)
        if asked.stream and _media_type(connection) in _STREAM_TYPES:
            return await _open_stream(connection, target, translation, asked)
        body = await connection.body(MAX_REPLY_BYTES)
        if asked.stream or not looks_like_object(body):
            expected = "a stream of events" if asked.stream else "a JSON object"
            raise AttemptFailed(
                BadUpstream(
                    f"The upstream of served entity {target.entity_name!r} answered with"
                    f" {_media_type(connection) or 'no content type'} where {expected} was"
                    " expected."
                )
            )
        answer = WholeAnswer(target, _read_reply(target, translation, asked, body))
        self._pool.release(connection)
        return answer


def _patience(routing: Routing) -> Patience | None:
    if routing.first_token_timeout_s is None and routing.timeout_s is None:
        return None
    return Patience(routing.first_token_timeout_s, routing.timeout_s)


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


async def _signed(address: Address, target: Target, request: UpstreamRequest) -> UpstreamRequest:
    """The request with the headers of a signature, which every one needs anew."""
    if target.signer is None:
        return request
    try:
        signed = await target.signer.headers(url(address, request.path), request.body)
    except WireError as error:
        raise AttemptFailed(error) from error
    return request._replace(headers=(*request.headers, *signed))


def _may_restart(translation: Provider, failure: UpstreamFailure) -> bool:
    """Whether a worker may be brought back for a call that has not begun to be answered."""
    return translation.restartable and not failure.received and not isinstance(failure, TimedOut)


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
    if _may_restart(translation, failure):
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


def looks_like_object(body: bytes) -> bool:
    """Whether a reply can be JSON; parsing what is only passed on would cost too much."""
    if body[:1] == b"{" and body[-1:] == b"}":
        return True
    body = body.strip()
    return body[:1] == b"{" and body[-1:] == b"}"
