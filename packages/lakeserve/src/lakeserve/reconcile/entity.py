"""One local served entity: its replicas, its observed state, the addresses that serve it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from lakeserve.core.endpoints import Address, EntityState, ServedEntity
from lakeserve.core.errors import Unavailable
from lakeserve.reconcile.addresses import answers
from lakeserve.reconcile.heartbeat import USUAL_HEARTBEAT, Heartbeat
from lakeserve.reconcile.launch import Launch
from lakeserve.reconcile.pace import Pace
from lakeserve.reconcile.replica import ASLEEP, READY, WAITING, Replica

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
        replicas: How many workers share the calls.
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
    ) -> None:
        self.entity = entity
        self.state = ASLEEP if entity.start == "on-demand" else WAITING
        self.addresses: tuple[Address, ...] = ()
        self._changed = changed
        self._answers = answers
        self._idle_timeout_s = heartbeat.idle_timeout_s
        self._settled = asyncio.Event()
        self._replicas = tuple(
            self._replica(number, launch, pace, heartbeat) for number in range(replicas)
        )

    @property
    def address(self) -> Address | None:
        """Where one of its workers listens, or None while none does."""
        return self.addresses[0] if self.addresses else None

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of its workers."""
        return tuple(each.pid for each in self._replicas if each.pid is not None)

    def start(self, *, asleep: bool = False) -> None:
        """Begin to supervise; workers start now, unless they are to wait for a call."""
        for replica in self._replicas:
            replica.start()
        if not asleep:
            self.wake()

    def wake(self) -> None:
        """Have the workers run from now on."""
        for replica in self._replicas:
            replica.wake()

    def tell(self, message: str) -> None:
        """Say what is being done before its workers can start for the first time."""
        for replica in self._replicas:
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
            retry_after=min(replica.retry_after() for replica in self._replicas),
        )

    async def stop(self, grace_s: float) -> None:
        """End supervision and the workers; calls they still answer get ``grace_s`` seconds."""
        self.addresses = ()
        self._settled.clear()
        await asyncio.gather(*(replica.stop(grace_s) for replica in self._replicas))

    def _replica(self, number: int, launch: Launch, pace: Pace, heartbeat: Heartbeat) -> Replica:
        return Replica(
            self.entity.name,
            self.entity.model_name,
            lambda: launch(number),
            pace,
            heartbeat,
            self._replica_changed,
            self._replica_is_idle,
        )

    def _replica_changed(self) -> None:
        self.addresses = tuple(
            replica.address for replica in self._replicas if replica.address is not None
        )
        if self.addresses or all(replica.is_failed for replica in self._replicas):
            self._settled.set()
        else:
            self._settled.clear()
        self.state = combined([(each.state, each.address is not None) for each in self._replicas])
        self._changed()

    def _replica_is_idle(self) -> None:
        """One has had no calls for long: they all sleep when that is true of every one."""
        if self.entity.start == "eager":
            return
        serving = [replica for replica in self._replicas if replica.address is not None]
        if all(replica.idle_s >= self._idle_timeout_s for replica in serving):
            for replica in self._replicas:
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
