"""Stand-ins for what the composition root plugs in, for tests and benchmarks."""

from lakeserve.core.endpoints import Address, RoutableEndpoint
from lakeserve.core.errors import Unavailable, WireError
from lakeserve.core.ports import Snapshot
from lakeserve.core.usage import CallRecord


class FixedDirectory:
    """Answers with one snapshot, which a test may replace."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.now = snapshot

    def snapshot(self) -> Snapshot:
        """The present snapshot."""
        return self.now


class FakeActivator:
    """Knows addresses by entity id and remembers who was asked for.

    Attributes:
        asked: Entity ids in the order of the calls.
    """

    def __init__(self, addresses: dict[str, Address] | None = None) -> None:
        self.addresses = addresses or {}
        self.asked: list[str] = []

    async def activate(self, entity_id: str) -> Address:
        """The entity's address.

        Raises:
            Unavailable: There is none.
        """
        self.asked.append(entity_id)
        if entity_id not in self.addresses:
            raise Unavailable(f"Entity {entity_id} did not become ready.", retry_after=2)
        return self.addresses[entity_id]


class FakeLedger:
    """Remembers what it was told.

    Attributes:
        records: In the order in which calls ended.
        strays: Statuses of requests that concerned no endpoint.
        refusal: What calls are refused with, or None to let them pass.
    """

    def __init__(self) -> None:
        self.records: list[CallRecord] = []
        self.strays: list[int] = []
        self.refusal: WireError | None = None

    def admit(self, endpoint: RoutableEndpoint, requester: str) -> None:
        """Let a call pass, unless there is a refusal."""
        if self.refusal is not None:
            raise self.refusal

    def record(self, call: CallRecord) -> None:
        """Remember a call."""
        self.records.append(call)

    def unmatched(self, status: int) -> None:
        """Remember a status."""
        self.strays.append(status)
