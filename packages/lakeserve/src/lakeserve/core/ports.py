"""What rooms ask of each other; the composition root supplies the answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lakeserve.core.endpoints import Address, Cluster, RoutableEndpoint
from lakeserve.core.identity import Principal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the data plane needs to route one call, at one moment.

    Attributes:
        endpoints: By name.
        principals: By ``token_digest`` of their tokens.
        clusters: By cluster id.
    """

    endpoints: Mapping[str, RoutableEndpoint] = field(default_factory=dict)
    principals: Mapping[str, Principal] = field(default_factory=dict)
    clusters: Mapping[str, Cluster] = field(default_factory=dict)


class Directory(Protocol):
    """Answers with the newest snapshot. Must not block: it is asked on every call."""

    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        ...


class Activator(Protocol):
    """Brings a local served entity to life for a call that needs it."""

    async def activate(self, entity_id: str) -> Address:
        """Wait until the entity's worker is ready and return where it listens.

        Raises:
            Unavailable: It did not become ready in time, or failed to start.
        """
        ...
