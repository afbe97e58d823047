"""What was last seen of served entities."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from lakeserve.core.endpoints import EntityState
from lakeserve.storage.tables import entity_states, served_entities


class StateRepository:
    """Reads and writes observed states inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> dict[str, EntityState]:
        """The stored states, by entity id."""
        rows = self._connection.execute(select(entity_states))
        return {row.entity_id: EntityState(row.deployment, row.message) for row in rows}

    def save(self, states: Mapping[str, EntityState], now_ms: int) -> None:
        """Write states; those of entities that no longer exist are left out."""
        known = set(
            self._connection.scalars(
                select(served_entities.c.id).where(served_entities.c.id.in_(states))
            )
        )
        self._connection.execute(delete(entity_states).where(entity_states.c.entity_id.in_(known)))
        for entity_id in sorted(known):
            state = states[entity_id]
            self._connection.execute(
                insert(entity_states),
                {
                    "entity_id": entity_id,
                    "deployment": state.deployment,
                    "message": state.message,
                    "updated_at": now_ms,
                },
            )
