"""Serving endpoints and their served entities: what their owners want."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from lakeserve.core.endpoints import (
    Backend,
    Endpoint,
    LocalModel,
    OpenAICompatible,
    ServedEntity,
)
from lakeserve.storage.tables import endpoints, served_entities


class EndpointRepository:
    """Reads and writes endpoints inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Endpoint, ...]:
        """Every endpoint, by name."""
        entities: dict[str, list[ServedEntity]] = {}
        rows = select(served_entities).order_by(served_entities.c.position)
        for row in self._connection.execute(rows):
            entities.setdefault(row.endpoint_id, []).append(_entity(row))
        wanted = select(endpoints).order_by(endpoints.c.name)
        return tuple(
            _endpoint(row, entities.get(row.id, ())) for row in self._connection.execute(wanted)
        )

    def find(self, name: str) -> Endpoint | None:
        """The endpoint of that name, or None."""
        row = self._connection.execute(select(endpoints).where(endpoints.c.name == name)).first()
        if row is None:
            return None
        entities = (
            select(served_entities)
            .where(served_entities.c.endpoint_id == row.id)
            .order_by(served_entities.c.position)
        )
        return _endpoint(row, [_entity(each) for each in self._connection.execute(entities)])

    def save(self, endpoint: Endpoint) -> None:
        """Write an endpoint, replacing the one of the same id and everything that hangs on it.

        Backends are stored without their credential.
        """
        self.delete(endpoint.id)
        self._connection.execute(
            insert(endpoints),
            {
                "id": endpoint.id,
                "name": endpoint.name,
                "task": endpoint.task,
                "endpoint_type": endpoint.endpoint_type,
                "creator": endpoint.creator,
                "created_at": endpoint.created_at,
                "updated_at": endpoint.updated_at,
                "config_version": endpoint.config_version,
                "description": endpoint.description,
            },
        )
        for position, entity in enumerate(endpoint.entities):
            values = _entity_values(entity)
            self._connection.execute(
                insert(served_entities),
                {"endpoint_id": endpoint.id, "position": position, **values},
            )

    def delete(self, endpoint_id: str) -> None:
        """Remove an endpoint, its entities and their states; nothing happens without one."""
        self._connection.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))


def _endpoint(row: Row[Any], entities: "list[ServedEntity] | tuple[()]") -> Endpoint:
    return Endpoint(
        id=row.id,
        name=row.name,
        task=row.task,
        endpoint_type=row.endpoint_type,
        creator=row.creator,
        created_at=row.created_at,
        updated_at=row.updated_at,
        entities=tuple(entities),
        config_version=row.config_version,
        description=row.description,
    )


def _entity(row: Row[Any]) -> ServedEntity:
    return ServedEntity(
        id=row.id,
        name=row.name,
        backend=_backend(row.backend),
        model_name=row.model_name,
        model_description=row.model_description,
        start=row.start,
        traffic_percentage=row.traffic_percentage,
    )


def _entity_values(entity: ServedEntity) -> dict[str, object]:
    return {
        "id": entity.id,
        "name": entity.name,
        "backend": _backend_json(entity.backend),
        "model_name": entity.model_name,
        "model_description": entity.model_description,
        "start": entity.start,
        "traffic_percentage": entity.traffic_percentage,
    }


def _backend_json(backend: Backend) -> dict[str, str]:
    if isinstance(backend, LocalModel):
        return {"kind": "local", "reference": backend.reference}
    return {"kind": "openai", "base_url": backend.base_url, "model": backend.model}


def _backend(stored: Mapping[str, str]) -> Backend:
    if stored["kind"] == "local":
        return LocalModel(stored["reference"])
    return OpenAICompatible(base_url=stored["base_url"], model=stored["model"])
