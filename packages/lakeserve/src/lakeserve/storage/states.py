"""What was last seen of served entities."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from lakeserve.core.endpoints import Address, EntityState, Observed
from lakeserve.storage.changes import note
from lakeserve.storage.tables import entity_states, served_entities


class StateRepository:
    """Reads and writes observed states inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> dict[str, EntityState]:
        """The stored states, by entity id."""
        return {entity_id: seen.state for entity_id, seen in self.observed().items()}

    def observed(self, entity_ids: Collection[str] | None = None) -> dict[str, Observed]:
        """What was seen, by entity id.

        Args:
            entity_ids: Only of these entities.
        """
        wanted = select(entity_states)
        if entity_ids is not None:
            wanted = wanted.where(entity_states.c.entity_id.in_(entity_ids))
        return {row.entity_id: _observed(row) for row in self._connection.execute(wanted)}

    def save(self, seen: Mapping[str, Observed], now_ms: int) -> None:
        """Write what was seen; that of entities that no longer exist is left out."""
        known = set(
            self._connection.scalars(
                select(served_entities.c.id).where(served_entities.c.id.in_(seen))
            )
        )
        if not known:
            return
        self._connection.execute(delete(entity_states).where(entity_states.c.entity_id.in_(known)))
        for entity_id in sorted(known):
            note(self._connection, "state", entity_id)
            observed = seen[entity_id]
            self._connection.execute(
                insert(entity_states),
                {
                    "entity_id": entity_id,
                    "deployment": observed.state.deployment,
                    "message": observed.state.message,
                    "updated_at": now_ms,
                    "addresses": [address.plain() for address in observed.addresses],
                },
            )


def _observed(row: "Row[Any]") -> Observed:
    addresses = tuple(Address(**address) for address in row.addresses or ())
    return Observed(EntityState(row.deployment, row.message), addresses)
