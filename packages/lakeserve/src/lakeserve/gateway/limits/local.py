"""Rate limits counted on this machine."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lakeserve.core.ai_gateway import RateLimitKey
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.identity import Principal
from lakeserve.gateway.limits.applicable import Limit, requirements
from lakeserve.gateway.limits.refusal import UsedUp, refusal
from lakeserve.gateway.limits.window import SECONDS, MemoryWindow, Window, WindowTable

MAX_PLANS = 10_000
SWEEP_EVERY = 10_000


class Counted(NamedTuple):
    """A limit and what counts for it."""

    calls: int | None
    tokens: int | None
    used_calls: Window
    used_tokens: Window
    tokens_key: str


class Need(NamedTuple):
    """Limits of which one must have room; see ``Requirement``."""

    whose: RateLimitKey
    alternatives: tuple[Counted, ...]


class Plan(NamedTuple):
    """What the calls of one caller to one endpoint need, while both stay as they are.

    Attributes:
        only: All limits, where no need has an alternative; they can be looked at in one go.
    """

    endpoint: RoutableEndpoint
    caller: Principal
    needs: tuple[Need, ...]
    only: Sequence[Counted] | None


class Windows:
    """The windows of all limits, in this process's memory."""

    ticks_per_second = 10
    lock = None  # who reads and writes does not wait in between

    def __init__(self) -> None:
        self._windows: dict[str, MemoryWindow] = {}

    def window(self, key: str) -> Window:
        """The window of this key; a new one is empty."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = MemoryWindow(self.ticks_per_second)
        return window

    def sweep(self, tick: int) -> None:
        """Forget windows that nothing is in."""
        self._windows = {k: w for k, w in self._windows.items() if not w.is_idle(tick)}

    def __len__(self) -> int:
        return len(self._windows)


class LocalReservation:
    """See ``Reservation``."""

    __slots__ = ("_counted", "_limiter", "_tick", "_tokens")

    def __init__(
        self, limiter: "LocalLimiter", counted: Sequence[Counted], tick: int, tokens: int
    ) -> None:
        self._limiter = limiter
        self._counted = counted
        self._tick = tick
        self._tokens = tokens

    def settle(self, tokens: int) -> None:
        """See ``Reservation``."""
        self._limiter.settle(self._counted, self._tick, self._tokens, tokens)


class LocalLimiter:
    """Counts in ``windows``; a call costs no wait."""

    def __init__(
        self, windows: WindowTable | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._windows: WindowTable = Windows() if windows is None else windows
        self._clock = clock
        self._plans: dict[tuple[str, str], Plan] = {}
        self._until_sweep = SWEEP_EVERY

    async def reserve(
        self, endpoint: RoutableEndpoint, caller: Principal, tokens: int
    ) -> LocalReservation:
        """See ``Limiter``."""
        return self.reserve_now(endpoint, caller, tokens)

    def reserve_now(
        self, endpoint: RoutableEndpoint, caller: Principal, tokens: int
    ) -> LocalReservation:
        """The same, at once."""
        plan = self._plans.get((endpoint.id, caller.name))
        if plan is None or plan.endpoint is not endpoint or plan.caller is not caller:
            plan = self._made_plan(endpoint, caller)
        self._until_sweep -= 1
        if not self._until_sweep:
            self._sweep()
        windows = self._windows
        if windows.lock is None:
            tick = int(self._clock() * windows.ticks_per_second)
            counted = self._taken(plan, tick, tokens)
        else:
            with windows.lock:
                tick = int(self._clock() * windows.ticks_per_second)
                counted = self._taken(plan, tick, tokens)
        return LocalReservation(self, counted, tick, tokens)

    def settle(self, counted: Sequence[Counted], tick: int, estimate: int, tokens: int) -> None:
        """Put the truth in the place of an estimate: it counts from now on."""
        lock = self._windows.lock
        if lock is None:
            self._replace(counted, tick, estimate, tokens)
        else:
            with lock:
                self._replace(counted, tick, estimate, tokens)

    def _taken(self, plan: Plan, tick: int, tokens: int) -> Sequence[Counted]:
        """Take a call from every limit of a plan; those that had room for it.

        Raises:
            TooManyRequests: A need has none; nothing was taken.
        """
        counted = plan.only
        if counted is None or not _have_room(counted, tick):
            counted = self._roomy(plan, tick)
        for calls, of_tokens, used_calls, used_tokens, _ in counted:
            if calls is not None:
                used_calls.add(tick, 1)
            if of_tokens is not None:
                used_tokens.add(tick, tokens)
        return counted

    def _roomy(self, plan: Plan, tick: int) -> Sequence[Counted]:
        counted: list[Counted] = []
        used_up: list[UsedUp] = []
        for need in plan.needs:
            roomy = [one for one in need.alternatives if _have_room((one,), tick)]
            counted += roomy
            if not roomy:
                used_up.append(self._used_up(need, tick))
        if used_up:
            raise refusal(plan.endpoint.name, used_up)
        return counted

    def _replace(self, counted: Sequence[Counted], tick: int, estimate: int, tokens: int) -> None:
        windows = self._windows
        now = int(self._clock() * windows.ticks_per_second)
        for one in counted:
            if one.tokens is not None:
                # After a long call its window may have been forgotten and made anew.
                used = windows.window(one.tokens_key)
                used.take_back(tick, estimate)
                used.add(now, tokens)

    def _sweep(self) -> None:
        self._until_sweep = SWEEP_EVERY
        self._plans.clear()
        self._windows.sweep(int(self._clock() * self._windows.ticks_per_second))

    def _made_plan(self, endpoint: RoutableEndpoint, caller: Principal) -> Plan:
        if len(self._plans) >= MAX_PLANS:
            self._sweep()
        limits = () if endpoint.ai_gateway is None else endpoint.ai_gateway.rate_limits
        needs = tuple(
            Need(one.whose, tuple(self._counted(endpoint.id, limit) for limit in one.alternatives))
            for one in requirements(limits, caller)
        )
        has_choice = any(len(need.alternatives) > 1 for need in needs)
        only = None if has_choice else [one for need in needs for one in need.alternatives]
        plan = self._plans[endpoint.id, caller.name] = Plan(endpoint, caller, needs, only)
        return plan

    def _counted(self, endpoint_id: str, limit: Limit) -> Counted:
        tokens_key = f"{endpoint_id}:tokens:{limit.key}"
        calls = self._windows.window(f"{endpoint_id}:calls:{limit.key}")
        tokens = self._windows.window(tokens_key)
        return Counted(limit.calls, limit.tokens, calls, tokens, tokens_key)

    def _used_up(self, need: Need, tick: int) -> UsedUp:
        """The limit that has room first."""
        per_second = self._windows.ticks_per_second
        waits = [_wait(one, tick, SECONDS * per_second) for one in need.alternatives]
        ticks, kind = min(waits)
        return UsedUp(need.whose, kind, max(1, -(-ticks // per_second)))


def _have_room(counted: Sequence[Counted], tick: int) -> bool:
    for calls, tokens, used_calls, used_tokens, _ in counted:
        if calls is not None and used_calls.total(tick) >= calls:
            return False
        if tokens is not None and used_tokens.total(tick) >= tokens:
            return False
    return True


def _wait(one: Counted, tick: int, longest: int) -> tuple[int, str]:
    """Ticks until a limit has room, and what it lacks; ``longest`` for a limit of 0."""
    calls = _wait_for(one.used_calls, one.calls, tick, longest)
    tokens = _wait_for(one.used_tokens, one.tokens, tick, longest)
    return (calls, "calls") if calls >= tokens else (tokens, "tokens")


def _wait_for(window: Window, limit: int | None, tick: int, longest: int) -> int:
    if limit is None:
        return 0
    return window.ticks_until_below(tick, limit) if limit > 0 else longest
