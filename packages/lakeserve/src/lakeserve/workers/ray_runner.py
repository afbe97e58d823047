"""Workers on a Ray cluster. Ray itself is behind the seam ``Cluster``; none of it is named here.

A place is an actor that runs one worker's program on whatever node has room. Where it goes, that it
comes back after it or its node died, and who has which GPU is Ray's work; when the program in it is
started again, and how often, is decided by who drives the worker, as for processes of this machine.
"""

import asyncio
import logging
import secrets
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from lakeserve.core.endpoints import Address
from lakeserve.core.errors import EngineError
from lakeserve.workers.protocols import Pulse, Resources, Worker, WorkerSpec

logger = logging.getLogger(__name__)

# A place that its program left is kept for the next start; a longer pause gives it up.
KEEP_S = 120.0
_FREE_S = 10.0


class PlaceLost(Exception):
    """The actor or its node died; the cluster may bring the place back. The text says what."""


class Place(Protocol):
    """Where one worker's program runs in the cluster."""

    async def run(self, spec: WorkerSpec) -> Address:
        """Start the program in place of one that may still run, and wait until it answers.

        Raises:
            EngineError: It does not start; the text says why.
            PlaceLost: The place is gone, perhaps for a while.
        """
        ...

    async def ended(self) -> str:
        """Wait until the program has ended; a sentence that says how.

        Raises:
            PlaceLost: The place is gone, perhaps for a while.
        """
        ...

    async def stop(self, grace_s: float) -> None:
        """End the program: it finishes what runs for up to ``grace_s`` seconds."""
        ...

    async def free(self) -> None:
        """Give the place up, with all that it holds."""
        ...


class Cluster(Protocol):
    """The cluster, as far as workers need it."""

    async def connect(self) -> None:
        """Join it.

        Raises:
            ConfigurationError: It cannot be reached, or Ray is not installed.
        """
        ...

    async def place(self, name: str, resources: Resources) -> Place:
        """Ask for a place; the cluster finds it where there is room, now or later."""
        ...

    async def disconnect(self) -> None:
        """Leave it; every place goes with this."""
        ...


class RayRunner:
    """Starts each worker in a place of its own."""

    def __init__(self, cluster: Cluster, keep_s: float = KEEP_S) -> None:
        self._cluster = cluster
        self._keep_s = keep_s
        self._kept: dict[str, tuple[Place, asyncio.Task[None]]] = {}

    async def start(self, spec: WorkerSpec) -> Worker:
        """See ``Runner``. A program that can demand a token gets a new one with every start."""
        if spec.program.bearer_variable is not None:
            spec = replace(spec, bearer=secrets.token_urlsafe(32))
        name = f"{spec.entity_id}-{spec.replica}"
        kept = self._kept.pop(name, None)
        if kept is not None:
            kept[1].cancel()
            return PlacedWorker(spec, name, kept[0], self)
        return PlacedWorker(spec, name, await self._cluster.place(name, spec.resources), self)

    def keep(self, name: str, place: Place) -> None:
        """Have a place whose program is gone at hand for the next start."""

        async def give_up() -> None:
            await asyncio.sleep(self._keep_s)
            self._kept.pop(name, None)
            await place.free()

        self._kept[name] = (place, asyncio.create_task(give_up(), name=f"keep {name}"))

    async def aclose(self) -> None:
        """Give up what is kept, and leave the cluster."""
        for place, giving_up in self._kept.values():
            giving_up.cancel()
            await place.free()
        self._kept.clear()
        await self._cluster.disconnect()


class PlacedWorker:
    """A worker in a place of the cluster."""

    def __init__(self, spec: WorkerSpec, name: str, place: Place, runner: RayRunner) -> None:
        self._spec = spec
        self._name = name
        self._place = place
        self._runner = runner
        self._prober = spec.program.prober()
        self._address: Address | None = None
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._watching: asyncio.Task[None] | None = None
        self._is_given_back = False

    @property
    def address(self) -> Address:
        """See ``Worker``."""
        if self._address is None:
            raise EngineError(f"worker {self._spec.model_name!r} has no address yet")
        return self._address

    @property
    def pid(self) -> int | None:
        """See ``Worker``; it may run on another machine."""
        return None

    async def ready(self) -> None:
        """See ``Worker``."""
        limit = self._spec.start_timeout_s
        name = f"worker {self._spec.model_name!r}"
        try:
            found = await asyncio.wait_for(self._place.run(self._spec), limit)
            self._address = replace(found, bearer=self._spec.bearer)
        except asyncio.TimeoutError:
            raise EngineError(
                f"{name} was not ready after {limit:g} s: the cluster has no room for"
                f" {self._spec.resources}, or the model takes longer to load"
            ) from None
        except PlaceLost as lost:
            raise EngineError(f"{name} was lost while it started: {lost}") from None
        self._watching = asyncio.create_task(self._watch(), name=f"watch {self._name}")

    async def pulse(self, timeout_s: float) -> Pulse | None:
        """See ``Worker``."""
        return None if self._address is None else await self._prober(self._address, timeout_s)

    async def exited(self) -> str:
        """See ``Worker``."""
        return await asyncio.shield(self._over)

    async def stop(self, grace_s: float) -> None:
        """See ``Worker``. A place whose program ended by itself is kept for the next start."""
        if self._is_given_back:
            return
        self._is_given_back = True
        if self._watching is not None:
            self._watching.cancel()
        if self._over.done():
            self._runner.keep(self._name, self._place)
            return
        self._over.set_result(f"worker {self._spec.model_name!r} was stopped")
        with suppress(PlaceLost, EngineError, asyncio.TimeoutError):
            await asyncio.wait_for(self._place.stop(grace_s), grace_s + _FREE_S)
        await self._place.free()

    async def _watch(self) -> None:
        name = f"worker {self._spec.model_name!r}"
        try:
            reason = await self._place.ended()
        except PlaceLost as lost:
            reason = f"{name} was lost: {lost}"
        if not self._over.done():
            self._over.set_result(reason)
