"""Serving endpoints and what hangs on them: what their owners want."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from lakeserve.core.ai_gateway import AiGateway
from lakeserve.core.endpoints import ConfigUpdate, Endpoint, Notifications, ServedEntity, Task
from lakeserve.core.grants import Grant
from lakeserve.core.ids import now_ms
from lakeserve.storage.changes import note
from lakeserve.storage.entity_rows import entity_of, entity_values
from lakeserve.storage.gateway_rows import gateway_of, gateway_values
from lakeserve.storage.grants import GrantRepository
from lakeserve.storage.tables import (
    config_updates,
    endpoint_grants,
    endpoint_notifications,
    endpoint_tags,
    endpoints,
    entity_states,
    served_entities,
)
from lakeserve.storage.usage_entities import note_deletion, note_entities, note_task


class EndpointRepository:
    """Reads and writes endpoints inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Endpoint, ...]:
        """Every endpoint, by name."""
        return self._read(None)

    def find(self, name: str) -> Endpoint | None:
        """The endpoint of that name, or None."""
        found = self._connection.scalar(select(endpoints.c.id).where(endpoints.c.name == name))
        return None if found is None else self._read([found])[0]

    def with_id(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint of that id, or None."""
        return next(iter(self._read([endpoint_id])), None)

    def with_ids(self, endpoint_ids: Collection[str]) -> tuple[Endpoint, ...]:
        """Those of these ids that exist, by name."""
        return self._read(endpoint_ids)

    def ids_serving(self, entity_ids: Collection[str]) -> frozenset[str]:
        """The ids of the endpoints that have any of these entities in force."""
        table = served_entities
        return frozenset(
            self._connection.scalars(
                select(table.c.endpoint_id).where(table.c.id.in_(entity_ids)).distinct()
            )
        )

    def save(self, endpoint: Endpoint) -> None:
        """Write an endpoint, replacing the one of the same id and everything that hangs on it.

        Backends are stored without their credential. What was seen of entities that stay is kept.
        """
        seen = select(entity_states).where(
            entity_states.c.entity_id.in_([entity.id for entity in endpoint.entities])
        )
        kept = [row._asdict() for row in self._connection.execute(seen)]
        self._remove(endpoint.id)
        note_entities(self._connection, endpoint)
        self._connection.execute(
            insert(endpoints),
            {
                "id": endpoint.id,
                "name": endpoint.name,
                "task": endpoint.task or "",
                "endpoint_type": endpoint.endpoint_type,
                "creator": endpoint.creator,
                "created_at": endpoint.created_at,
                "updated_at": endpoint.updated_at,
                "config_version": endpoint.config_version,
                "description": endpoint.description,
                "ai_gateway": gateway_values(endpoint.ai_gateway),
            },
        )
        for position, entity in enumerate(endpoint.entities):
            self._connection.execute(
                insert(served_entities),
                {"endpoint_id": endpoint.id, "position": position, **entity_values(entity)},
            )
        for row in kept:
            note(self._connection, "state", row["entity_id"])
            self._connection.execute(insert(entity_states), row)
        self.set_tags(endpoint.id, endpoint.tags)
        GrantRepository(self._connection).replace(endpoint.id, endpoint.grants)
        if endpoint.notifications is not None:
            self.set_notifications(endpoint.id, endpoint.notifications)
        if endpoint.update is not None:
            self.set_update(endpoint.id, endpoint.update)

    def delete(self, endpoint_id: str) -> None:
        """Remove an endpoint, its entities and their states; nothing happens without one."""
        note_deletion(self._connection, endpoint_id, now_ms())
        self._remove(endpoint_id)

    def _remove(self, endpoint_id: str) -> None:
        note(self._connection, "endpoint", endpoint_id)
        self._connection.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))

    def set_task(self, endpoint_id: str, task: Task | None) -> None:
        """Write what kind of requests the endpoint turned out to take."""
        note(self._connection, "endpoint", endpoint_id)
        self._connection.execute(
            update(endpoints).where(endpoints.c.id == endpoint_id).values(task=task or "")
        )
        note_task(self._connection, endpoint_id, task)

    def set_tags(self, endpoint_id: str, tags: Mapping[str, str]) -> None:
        """Make these the endpoint's only tags."""
        note(self._connection, "endpoint", endpoint_id)
        self._connection.execute(
            delete(endpoint_tags).where(endpoint_tags.c.endpoint_id == endpoint_id)
        )
        for key, value in tags.items():
            self._connection.execute(
                insert(endpoint_tags), {"endpoint_id": endpoint_id, "key": key, "value": value}
            )

    def set_notifications(self, endpoint_id: str, notifications: Notifications) -> None:
        """Write who wants to hear of the endpoint's updates."""
        note(self._connection, "endpoint", endpoint_id)
        table = endpoint_notifications
        self._connection.execute(delete(table).where(table.c.endpoint_id == endpoint_id))
        self._connection.execute(
            insert(table),
            {
                "endpoint_id": endpoint_id,
                "on_update_success": list(notifications.on_update_success),
                "on_update_failure": list(notifications.on_update_failure),
            },
        )

    def set_ai_gateway(self, endpoint_id: str, block: AiGateway | None) -> None:
        """Write what the gateway is to do beside forwarding, in the place of what it did."""
        note(self._connection, "endpoint", endpoint_id)
        self._connection.execute(
            update(endpoints)
            .where(endpoints.c.id == endpoint_id)
            .values(ai_gateway=gateway_values(block))
        )

    def set_update(self, endpoint_id: str, newest: ConfigUpdate) -> None:
        """Write the newest update of the endpoint's config, in the place of an earlier one."""
        note(self._connection, "endpoint", endpoint_id)
        self._connection.execute(
            delete(config_updates).where(config_updates.c.endpoint_id == endpoint_id)
        )
        self._connection.execute(
            insert(config_updates),
            {
                "endpoint_id": endpoint_id,
                "id": newest.id,
                "entities": [entity_values(entity) for entity in newest.entities],
                "started_at": newest.started_at,
                "failure": newest.failure,
            },
        )

    def _read(self, ids: Collection[str] | None) -> tuple[Endpoint, ...]:
        """Some endpoints or all of them, in as many statements for all as for one."""
        entities: dict[str, list[ServedEntity]] = {}
        for row in self._rows(served_entities, ids, served_entities.c.position):
            entities.setdefault(row.endpoint_id, []).append(entity_of(row._asdict()))
        tags: dict[str, dict[str, str]] = {}
        for row in self._rows(endpoint_tags, ids, endpoint_tags.c.key):
            tags.setdefault(row.endpoint_id, {})[row.key] = row.value
        notifications = {
            row.endpoint_id: Notifications(
                tuple(row.on_update_success), tuple(row.on_update_failure)
            )
            for row in self._rows(endpoint_notifications, ids)
        }
        updates = {
            row.endpoint_id: ConfigUpdate(
                row.id, tuple(map(entity_of, row.entities)), row.started_at, row.failure
            )
            for row in self._rows(config_updates, ids)
        }
        grants: dict[str, list[Grant]] = {}
        by_principal = (endpoint_grants.c.kind, endpoint_grants.c.name)
        for row in self._rows(endpoint_grants, ids, *by_principal):
            grants.setdefault(row.endpoint_id, []).append(Grant(row.kind, row.name, row.level))
        wanted = select(endpoints).order_by(endpoints.c.name)
        if ids is not None:
            wanted = wanted.where(endpoints.c.id.in_(ids))
        return tuple(
            Endpoint(
                **{
                    **row._asdict(),
                    "task": row.task or None,
                    "ai_gateway": gateway_of(row.ai_gateway),
                },
                entities=tuple(entities.get(row.id, ())),
                tags=tags.get(row.id, {}),
                notifications=notifications.get(row.id),
                update=updates.get(row.id),
                grants=tuple(grants.get(row.id, ())),
            )
            for row in self._connection.execute(wanted)
        )

    def _rows(self, table: Any, ids: Collection[str] | None, *order: Any) -> "list[Row[Any]]":
        wanted = select(table).order_by(*order)
        if ids is not None:
            wanted = wanted.where(table.c.endpoint_id.in_(ids))
        return list(self._connection.execute(wanted))
