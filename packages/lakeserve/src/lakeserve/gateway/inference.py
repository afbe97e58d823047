"""One call of an endpoint, from its body to the last byte of its answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from lakeserve.core.ai_gateway import AiGateway, asks_something
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BudgetSpent, NotBuilt
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.accounting import Account
from lakeserve.gateway.answer_head import named_headers
from lakeserve.gateway.attempts import Attempts, Begun, WholeAnswer
from lakeserve.gateway.exchange import Exchange
from lakeserve.gateway.guard import Guard
from lakeserve.gateway.intake import CallerGone, Receive, custom_object, json_object, read_body
from lakeserve.gateway.paths import InferenceRoute
from lakeserve.gateway.plain import Unsent
from lakeserve.gateway.plan import model_name, permitted
from lakeserve.gateway.relay import (
    answer_headers,
    relay_checked_events,
    relay_events,
)
from lakeserve.gateway.reply import Reply
from lakeserve.gateway.seams import KeptAnswer, OutputRules, Seams
from lakeserve.gateway.shadow import Shadows
from lakeserve.gateway.task import Question, question
from lakeserve.gateway.wording import INVENTED, worded

CACHE_MISS = ((b"x-lakeserve-cache", b"miss"),)

_Seam = TypeVar("_Seam")


class Call(NamedTuple):  # made once per call, for a third of what a frozen dataclass costs
    """What the caller sent, and the way back to it.

    Attributes:
        body: All of it, or the way to it.
    """

    route: InferenceRoute
    caller: Principal
    snapshot: Snapshot
    headers: Mapping[bytes, bytes]
    body: bytes | Receive
    reply: Reply
    guard: Guard


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """What one call may take.

    Attributes:
        max_request_bytes: Longest request body.
        max_custom_bytes: The same for endpoints of custom models.
        request_timeout_s: Longest time from the head of the request to the end of the answer.
    """

    max_request_bytes: int
    request_timeout_s: float
    max_custom_bytes: int = 16 * 1024 * 1024


class Inference:
    """Answers calls of endpoints."""

    def __init__(self, attempts: Attempts, limits: GatewayLimits, seams: Seams) -> None:
        self._attempts = attempts
        self._shadows = Shadows(self._attempts, limits.request_timeout_s)
        self._limits = limits
        self._seams = seams

    async def aclose(self) -> None:
        """End what goes on beside the calls."""
        await self._shadows.aclose()

    async def answer(self, call: Call, account: Account) -> None:
        """Answer one call, and have it written down however it ends.

        Args:
            call: The call.
            account: What is going to be written down of it.

        Raises:
            WireError: It failed; when the reply has started, in the middle of its stream.
            CallerGone: There is nobody left to answer.
        """
        try:
            endpoint: RoutableEndpoint | None = None
            if call.route.endpoint is not None:
                endpoint = permitted(call.snapshot, call.caller, call.route.endpoint)
                account.concerns(endpoint)
            is_custom = endpoint is not None and endpoint.endpoint_type == "CUSTOM_MODEL"
            raw = call.body
            if not isinstance(raw, bytes):
                raw = await self._read(call, raw, is_custom=is_custom)
            body = (custom_object if is_custom else json_object)(raw, call.headers)
            if endpoint is None:
                endpoint = permitted(call.snapshot, call.caller, model_name(body))
                account.concerns(endpoint)
            asked = question(endpoint, call.route.operation, body, raw, call.route.stream)
            asked, call = _worded(endpoint, asked, call)
            account.asks(asked, body, raw)
            spent = self._admitted(endpoint, call.caller)
            if endpoint.ai_gateway is None:
                await self._forward(call.reply, call.route.entity, endpoint, asked, account, None)
            else:
                await self._govern(call, endpoint, endpoint.ai_gateway, asked, account, spent)
        except asyncio.CancelledError:
            account.close_with(call.guard.reason or CallerGone())
            raise
        except Exception as error:
            account.close_with(error)
            raise

    def _admitted(self, endpoint: RoutableEndpoint, caller: Principal) -> BudgetSpent | None:
        """Let a call pass; with an error when only an answer that was given before may, for free.

        Raises:
            WireError: It may not pass.
        """
        wanted = endpoint.ai_gateway
        if self._seams.ledger is None:
            if wanted is not None and wanted.budgets:
                raise NotBuilt("Budgets are not implemented by this server.")
            return None
        try:
            self._seams.ledger.admit(endpoint, caller.name)
        except BudgetSpent as error:
            if wanted is None or wanted.cache_ttl_s is None:
                raise
            return error
        return None

    async def go_on(self, exchange: Exchange, call: Begun | Unsent) -> None:
        """Answer a call that was begun as a plain one, like ``answer``.

        Raises:
            WireError: See ``answer``.
            CallerGone: See ``answer``.
        """
        account = call.account
        try:
            await self._forward(
                exchange,
                exchange.route.entity,
                call.endpoint,
                call.asked,
                account,
                None,
                call if isinstance(call, Begun) else None,
            )
        except asyncio.CancelledError:
            account.close_with(exchange.reason or CallerGone())
            raise
        except Exception as error:
            account.close_with(error)
            raise

    async def _read(self, call: Call, receive: Receive, *, is_custom: bool) -> bytes:
        limits = self._limits
        limit = limits.max_custom_bytes if is_custom else limits.max_request_bytes
        raw = await read_body(call.headers, receive, limit)
        call.guard.watch(receive)
        return raw

    async def _govern(
        self,
        call: Call,
        endpoint: RoutableEndpoint,
        wanted: AiGateway,
        asked: Question,
        account: Account,
        spent: BudgetSpent | None,
    ) -> None:
        seams = self._seams
        kept = None
        if wanted.cache_ttl_s is not None:
            cache = _built(seams.cache, "Caching")
            kept = await cache.find(endpoint, call.route.entity, asked, call.headers)
            if kept is None:
                if spent is not None:
                    raise spent
                account.marks = CACHE_MISS
        if wanted.rate_limits:
            limiter = _built(seams.limiter, "Rate limits")
            account.reservation = await limiter.reserve(endpoint, call.caller, account.estimate)
        if kept is not None:
            await _give_again(call.reply, kept, asked, account)
            return
        sent = asked
        if asks_something(wanted.input_rules):
            sent = await _built(seams.rules, "Guardrails").check(endpoint, asked)
        rules = None
        if asks_something(wanted.output_rules):
            rules = _built(seams.rules, "Guardrails").output(endpoint, sent)
        if wanted.routing.shadow_entity is not None and call.route.entity is None:
            self._shadows.cast(endpoint, wanted.routing.shadow_entity, sent, account)
        answer = await self._forward(call.reply, call.route.entity, endpoint, sent, account, rules)
        if wanted.cache_ttl_s is not None and seams.cache is not None and answer is not None:
            seams.cache.keep(endpoint, call.route.entity, asked, call.headers, answer)

    async def _forward(
        self,
        reply: Reply,
        entity: str | None,
        endpoint: RoutableEndpoint,
        asked: Question,
        account: Account,
        rules: OutputRules | None,
        begun: Begun | None = None,
    ) -> KeptAnswer | None:
        """Ask upstream and pass the answer on; it is returned for those who keep answers."""
        answer = await self._attempts.open(endpoint, entity, asked, account, begun)
        target = answer.target
        if isinstance(answer, WholeAnswer):
            body = answer.body
            account.answered(body)
            if rules is not None:
                account.measured()  # of what came, not of what may leave
                body = await rules.whole(body)
                account.answered(body)
            account.close(200)
            await reply.whole(200, body, answer_headers(target, account))
        else:
            try:
                if rules is None:
                    await relay_events(reply, answer, account)
                else:
                    await relay_checked_events(reply, answer, account, rules)
            finally:
                self._attempts.release(answer)
        if endpoint.ai_gateway is None or endpoint.ai_gateway.cache_ttl_s is None:
            return None
        return account.given(target)


def _worded(endpoint: RoutableEndpoint, asked: Question, call: Call) -> tuple[Question, Call]:
    if asked.operation not in INVENTED:
        return asked, call
    asked, reply = worded(endpoint, asked, call.reply)
    return asked, call._replace(reply=reply)


def _built(seam: _Seam | None, name: str) -> _Seam:
    if seam is None:
        raise NotBuilt(f"{name} are not implemented by this server.")
    return seam


async def _give_again(reply: Reply, kept: KeptAnswer, asked: Question, account: Account) -> None:
    account.found(kept)
    account.close(200)
    names = named_headers(kept.entity_name, kept.model_name)
    headers = (*names, *kept.headers, account.timing())
    if asked.stream:
        await reply.start_events(headers)
        await reply.end(kept.body)
    else:
        await reply.whole(200, kept.body, headers)
