"""Calls that wait for nothing but their upstream, answered without a task of their own.

Waking a task costs a turn of the event loop, twice per call. Most calls need none: everything up to
the request to the upstream, and everything from the last byte of its answer, can be done at once
where those bytes arrive. Such a call meets the same steps as any other, in the same order. As soon
as it needs more than that (there is no kept connection, the answer is a stream or a failure), it
goes on in a task from where it stands, by ``Inference.go_on``.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lakeserve.core.ai_gateway import AiGateway, asks_something
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.accounting import Account
from lakeserve.gateway.attempts import Attempts, Begun
from lakeserve.gateway.intake import custom_object, json_object
from lakeserve.gateway.paths import InferenceRoute
from lakeserve.gateway.plan import model_name, permitted
from lakeserve.gateway.seams import Reservation, Seams
from lakeserve.gateway.task import Question, question
from lakeserve.gateway.traffic import Split
from lakeserve.gateway.wording import INVENTED

MAX_LANES = 10_000


# ``Limiter.reserve`` of those that need not wait, as ``reserve_now``.
Reserve = Callable[[RoutableEndpoint, Principal, int], Reservation]


class Unsent(NamedTuple):
    """A call that has passed all that stands before its upstream, and could not be sent at once."""

    account: Account
    endpoint: RoutableEndpoint
    asked: Question


class Lane(NamedTuple):
    """What is the same for all calls of one endpoint by one caller, while both stay as they are.

    Attributes:
        is_plain: Whether the endpoint asks for nothing that has to be waited for.
        is_limited: Whether it has rate limits.
        read: Reads the body of a call.
        split: Draws who answers.
    """

    endpoint: RoutableEndpoint
    caller: Principal
    is_plain: bool
    is_limited: bool
    read: Callable[[bytes, Mapping[bytes, bytes]], dict[str, Any]]
    split: Split


class PlainCalls:
    """Begins plain calls."""

    def __init__(self, attempts: Attempts, seams: Seams) -> None:
        self._attempts = attempts
        self._ledger = seams.ledger
        self._reserve: Reserve | None = getattr(seams.limiter, "reserve_now", None)
        self._lanes: dict[tuple[str, str], Lane] = {}

    def begin(
        self,
        route: InferenceRoute,
        caller: Principal,
        snapshot: Snapshot,
        headers: Mapping[bytes, bytes],
        raw: bytes,
        account: Account,
    ) -> Begun | Unsent | None:
        """Take a call as far as its upstream.

        Returns:
            The call as far as it has come; None for one that is not plain, which has used up
            nothing.

        Raises:
            WireError: The call is refused; whoever called closes the account.
        """
        body = None
        name = route.endpoint
        if name is None:
            body = json_object(raw, headers)
            name = model_name(body)
        lane = self._lanes.get((name, caller.name))
        if (
            lane is None
            or lane.endpoint is not snapshot.endpoints.get(name)
            or lane.caller is not caller
        ):
            lane = self._new_lane(snapshot, caller, name)
        endpoint = lane.endpoint
        if not lane.is_plain:
            return None
        account.concerns(endpoint)
        if body is None:
            body = lane.read(raw, headers)
        asked = question(endpoint, route.operation, body, raw, route.stream)
        if asked.operation in INVENTED:
            return None
        account.asks(asked, body, raw)
        if self._ledger is not None:
            self._ledger.admit(endpoint, caller.name)
        if lane.is_limited and self._reserve is not None:
            account.reservation = self._reserve(endpoint, caller, account.estimate)
        if route.entity is not None or not endpoint.targets:
            return Unsent(account, endpoint, asked)
        begun = self._attempts.begin(endpoint, lane.split.draw(), asked, account)
        return begun or Unsent(account, endpoint, asked)

    def _new_lane(self, snapshot: Snapshot, caller: Principal, name: str) -> Lane:
        endpoint = permitted(snapshot, caller, name)
        wanted = endpoint.ai_gateway
        if len(self._lanes) >= MAX_LANES:
            self._lanes.clear()
        lane = self._lanes[(name, caller.name)] = Lane(
            endpoint,
            caller,
            wanted is None or self._is_plain(wanted),
            wanted is not None and bool(wanted.rate_limits),
            custom_object if endpoint.endpoint_type == "CUSTOM_MODEL" else json_object,
            Split(endpoint.targets),
        )
        return lane

    def _is_plain(self, wanted: AiGateway) -> bool:
        routing = wanted.routing
        return (
            (self._reserve is not None or not wanted.rate_limits)
            and (self._ledger is not None or not wanted.budgets)
            and wanted.cache_ttl_s is None
            and not asks_something(wanted.input_rules)
            and not asks_something(wanted.output_rules)
            and routing.shadow_entity is None
            and not routing.retries
            and routing.timeout_s is None
            and routing.first_token_timeout_s is None
        )
