"""One local served entity: its replicas, its observed state, the addresses that serve it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import count

from lakeserve.core.endpoints import Address, EntityState, ServedEntity
from lakeserve.core.errors import Unavailable
from lakeserve.reconcile.addresses import answers
from lakeserve.reconcile.heartbeat import USUAL_HEARTBEAT, Heartbeat
from lakeserve.reconcile.launch import Launch
from lakeserve.reconcile.pace import Pace
from lakeserve.reconcile.replica import ASLEEP, READY, WAITING, Replica
from lakeserve.reconcile.scaler import Growth, Scaler

PROBE_PAUSE_S = 0.05

_BEST_FIRST = ("DEPLOYMENT_RECOVERING", "DEPLOYMENT_CREATING", "DEPLOYMENT_READY")


class LocalEntity:
    """Supervises the workers of one entity.

    Args:
        entity: What is wanted.
        launch: Starts a worker; it may not be ready yet. A ``LakeserveError`` from here is about
            the model itself, so trying again soon would not help.
        pace: When to start again after a failure.
        changed: Called after every change of state or address.
        answers: Whether anybody listens at an address.
        heartbeat: When to ask workers how they are, and when they have been idle.
        replicas: How many workers share the calls, however few these are.
        growth: How their number follows the calls; None for a fixed one.
    """

    def __init__(
        self,
        entity: ServedEntity,
        launch: Launch,
        pace: Pace,
        changed: Callable[[], None],
        answers: Callable[[Address], Awaitable[bool]] = answers,
        heartbeat: Heartbeat = USUAL_HEARTBEAT,
        replicas: int = 1,
        growth: Growth | None = None,
    ) -> None:
        self.entity = entity
        self.state = ASLEEP if entity.start == "on-demand" else WAITING
        self.addresses: tuple[Address, ...] = ()
        self._changed = changed
        self._answers = answers
        self._launch = launch
        self._pace = pace
        self._heartbeat = heartbeat
        self._waiting = 0
        self._settled = asyncio.Event()
        self._least = replicas
        self._replicas: dict[int, Replica] = {}
        self._leaving: dict[int, tuple[Replica, asyncio.Task[None]]] = {}
        self._drain_s = 0.0 if growth is None else growth.drain_s
        self._scaler: Scaler | None = None
        if growth is not None:
            self._scaler = Scaler(self, growth.demand, growth.room, heartbeat.interval_s)
        for number in range(max(replicas, growth.first if growth is not None else 0)):
            self._replicas[number] = self._replica(number)

    @property
    def address(self) -> Address | None:
        """Where one of its workers listens, or None while none does."""
        return self.addresses[0] if self.addresses else None

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of its workers."""
        return tuple(each.pid for each in self._replicas.values() if each.pid is not None)

    @property
    def name(self) -> str:
        """See ``Scalable``."""
        return self.entity.name

    @property
    def is_awake(self) -> bool:
        """See ``Scalable``."""
        return any(replica.is_awake for replica in self._replicas.values())

    @property
    def calls(self) -> float:
        """See ``Scalable``; those that wait for a first worker count, too."""
        return self._waiting + sum(replica.calls for replica in self._replicas.values())

    @property
    def size(self) -> int:
        """See ``Scalable``."""
        return len(self._replicas)

    def start(self, *, asleep: bool = False) -> None:
        """Begin to supervise; workers start now, unless they are to wait for a call."""
        for replica in self._replicas.values():
            replica.start()
        if not asleep:
            self.wake()
        if self._scaler is not None:
            self._scaler.start()

    def resize(self, replicas: int) -> None:
        """See ``Scalable``. Those that do not serve go first, and those that came last."""
        while len(self._replicas) < replicas:
            number = next(each for each in count() if each not in self._taken())
            replica = self._replicas[number] = self._replica(number)
            replica.start()
            replica.wake()
        by_worth = sorted(
            self._replicas, key=lambda each: (self._replicas[each].address is None, each)
        )
        for number in by_worth[replicas:]:
            self._let_go(number)
        self._replica_changed()

    def wake(self) -> None:
        """Have the workers run from now on."""
        for replica in self._replicas.values():
            replica.wake()

    def tell(self, message: str) -> None:
        """Say what is being done before its workers can start for the first time."""
        for replica in self._replicas.values():
            replica.tell(message)

    @property
    def is_settled(self) -> bool:
        """Whether a worker serves, or all have failed for good."""
        return self._settled.is_set()

    async def settled(self) -> None:
        """Wait until a worker serves, or all have failed for good."""
        await self._settled.wait()

    async def activate(self, timeout_s: float) -> Address:
        """Wait until a worker serves, starting them when they sleep.

        Raises:
            Unavailable: They failed, or are not ready after ``timeout_s`` seconds.
        """
        self.wake()
        self._waiting += 1
        try:
            return await self._serving(timeout_s)
        finally:
            self._waiting -= 1

    async def _serving(self, timeout_s: float) -> Address:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._settled.wait(), deadline - time.monotonic())
            if not self.is_settled:
                continue  # what had settled it is over already
            if not self.addresses:
                break
            # Whoever asks may have found a worker dead before its end was noticed here.
            for address in self.addresses:
                if await self._answers(address):
                    return address
            await asyncio.sleep(PROBE_PAUSE_S)
        reason = self.state.message or "its worker does not answer"
        raise Unavailable(
            f"The model of endpoint '{self.entity.name}' is not ready: {reason}",
            retry_after=min(replica.retry_after() for replica in self._replicas.values()),
        )

    async def stop(self, grace_s: float) -> None:
        """End supervision and the workers; calls they still answer get ``grace_s`` seconds."""
        if self._scaler is not None:
            await self._scaler.stop()
        self.addresses = ()
        self._settled.clear()
        leaving = tuple(self._leaving.values())
        for _, farewell in leaving:
            farewell.cancel()
        await asyncio.gather(*(farewell for _, farewell in leaving), return_exceptions=True)
        remaining = (*self._replicas.values(), *(replica for replica, _ in leaving))
        await asyncio.gather(*(replica.stop(grace_s) for replica in remaining))

    def _replica(self, number: int) -> Replica:
        return Replica(
            self.entity.name,
            self.entity.model_name,
            partial(self._launch, number),
            self._pace,
            self._heartbeat,
            self._replica_changed,
            self._replica_is_idle,
        )

    def _taken(self) -> frozenset[int]:
        """Numbers of replicas that have not ended."""
        return frozenset((*self._replicas, *self._leaving))

    def _let_go(self, number: int) -> None:
        """Have a replica answer what it has, and end."""
        replica = self._replicas.pop(number)
        farewell = asyncio.create_task(
            replica.retire(self._drain_s), name=f"drain {self.entity.name}.{number}"
        )
        self._leaving[number] = (replica, farewell)
        farewell.add_done_callback(lambda _: self._leaving.pop(number))

    def _replica_changed(self) -> None:
        present = self._replicas.values()
        self.addresses = tuple(each.address for each in present if each.address is not None)
        if self.addresses or all(replica.is_failed for replica in present):
            self._settled.set()
        else:
            self._settled.clear()
        self.state = combined([(each.state, each.address is not None) for each in present])
        self._changed()

    def _replica_is_idle(self) -> None:
        """One has had no calls for long: they all sleep when that is true of every one."""
        if self.entity.start == "eager":
            return
        timeout_s = self._heartbeat.idle_timeout_s
        serving = [each for each in self._replicas.values() if each.address is not None]
        if serving and all(replica.idle_s >= timeout_s for replica in serving):
            if self.size > self._least:
                self.resize(self._least)
            for replica in self._replicas.values():
                replica.rest()


def combined(seen: Sequence[tuple[EntityState, bool]]) -> EntityState:
    """The state of an entity, from those of its replicas and whether each of them serves."""
    serving = [state for state, serves in seen if serves]
    others = [state for state, serves in seen if not serves]
    if not others:
        return READY
    if serving:
        count = f"{len(serving)} of {len(seen)} replicas serve."
        return EntityState("DEPLOYMENT_READY", f"{count} {others[0].message}".rstrip())
    for deployment in _BEST_FIRST:
        for state in others:
            if state.deployment == deployment:
                return state
    return others[0]
