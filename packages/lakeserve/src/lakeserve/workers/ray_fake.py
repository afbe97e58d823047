"""A cluster without Ray, for tests of what drives it."""

import asyncio

from lakeserve.core.endpoints import Address
from lakeserve.core.errors import EngineError
from lakeserve.workers.protocols import Resources, WorkerSpec
from lakeserve.workers.ray_runner import Place, PlaceLost


class FakePlace:
    """A place that does what the test says.

    Attributes:
        runs: Programs that were started here, in order.
        stops: Grace of every stop.
        is_free: Whether it was given up.
        refusal: When set, programs do not start, for this reason.
        room: Starts wait while it is not set, as where the cluster has no room.
    """

    def __init__(self, name: str, resources: Resources, number: int) -> None:
        self.name = name
        self.resources = resources
        self.runs: list[WorkerSpec] = []
        self.stops: list[float] = []
        self.is_free = False
        self.refusal: str | None = None
        self.room = asyncio.Event()
        self.room.set()
        self._number = number
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def run(self, spec: WorkerSpec) -> Address:
        """See ``Place``."""
        await self.room.wait()
        if self.refusal is not None:
            raise EngineError(self.refusal)
        self.runs.append(spec)
        self._end = asyncio.get_running_loop().create_future()
        return Address(host="127.0.0.1", port=10_000 + 100 * self._number + len(self.runs))

    async def ended(self) -> str:
        """See ``Place``."""
        return await asyncio.shield(self._end)

    async def stop(self, grace_s: float) -> None:
        """See ``Place``."""
        self.stops.append(grace_s)

    async def free(self) -> None:
        """See ``Place``."""
        self.is_free = True

    def crash(self, reason: str) -> None:
        """End the program by itself; the place stays."""
        self._end.set_result(reason)

    def vanish(self, reason: str) -> None:
        """Lose the actor or its node; the cluster brings the place back."""
        self._end.set_exception(PlaceLost(reason))


class FakeCluster:
    """Gives out ``FakePlace`` objects.

    Attributes:
        places: Every place given out, in order.
        connected: Whether somebody is joined.
    """

    def __init__(self) -> None:
        self.places: list[FakePlace] = []
        self.connected = False

    async def connect(self) -> None:
        """See ``Cluster``."""
        self.connected = True

    async def place(self, name: str, resources: Resources) -> Place:
        """See ``Cluster``."""
        place = FakePlace(name, resources, len(self.places))
        self.places.append(place)
        return place

    async def disconnect(self) -> None:
        """See ``Cluster``."""
        self.connected = False
