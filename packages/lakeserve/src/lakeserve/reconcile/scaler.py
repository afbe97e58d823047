"""Has an entity keep as many replicas as its calls want."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

from lakeserve.reconcile.autoscaling import Demand
from lakeserve.reconcile.room import Room

logger = logging.getLogger(__name__)


class Scalable(Protocol):
    """What has replicas."""

    @property
    def name(self) -> str:
        """For the log."""
        ...

    @property
    def is_awake(self) -> bool:
        """Whether its workers run or start."""
        ...

    @property
    def calls(self) -> float:
        """Calls in flight and waiting, on average since the workers were last asked."""
        ...

    @property
    def size(self) -> int:
        """Replicas that there are, those that are starting among them."""
        ...

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of its workers, where they run on this machine."""
        ...

    def resize(self, replicas: int) -> None:
        """Have so many replicas from now on."""
        ...


class Growth(NamedTuple):
    """How the number of an entity's replicas follows its calls.

    Attributes:
        demand: Decides; it is the entity's own.
        room: Knows what the machine holds.
        drain_s: What the calls get that a replica still answers when it is not wanted any more.
        first: Replicas to begin with, if not with the fewest.
    """

    demand: Demand
    room: Room
    drain_s: float
    first: int = 0


class Scaler:
    """Looks at an entity again and again, in a task of its own.

    Args:
        entity: What grows and shrinks.
        demand: Decides.
        room: Knows what the machine holds.
        interval_s: Pause between two looks.
    """

    def __init__(
        self,
        entity: Scalable,
        demand: Demand,
        room: Room,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entity = entity
        self._demand = demand
        self._room = room
        self._interval_s = interval_s
        self._clock = clock
        self._is_full = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name=f"scale {self._entity.name}")

    async def stop(self) -> None:
        """End; the replicas stay."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def look(self) -> None:
        """Look once, and act."""
        entity = self._entity
        if not entity.is_awake:
            self._demand.forget()
            return
        now, present = self._clock(), entity.size
        calls = self._demand.note(now, entity.calls)
        wanted = self._demand.replicas(now, present)
        if wanted > present:
            wanted = present + self._fitting(wanted - present)
        if wanted != present:
            logger.info(
                "entity %s: %d replicas in place of %d, for %.1f calls at a time",
                *(entity.name, wanted, present, calls),
            )
            entity.resize(wanted)

    def _fitting(self, more: int) -> int:
        fitting = self._room(self._entity.pids, more)
        if fitting < more and not self._is_full:
            logger.warning(
                "entity %s: %d more replicas are wanted, but the memory of this machine holds %d",
                *(self._entity.name, more, fitting),
            )
        self._is_full = fitting < more
        return fitting

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                self.look()
            except Exception:
                # The next look may succeed; without this loop none is made.
                logger.exception("entity %s: its replicas were not counted", self._entity.name)
