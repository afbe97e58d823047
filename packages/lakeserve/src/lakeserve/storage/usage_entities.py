"""The history of served entities, by which usage finds what answered it."""

from sqlalchemy import Connection, update
from sqlalchemy.dialects import postgresql, sqlite

from lakeserve.core.endpoints import Endpoint, ExternalModel, RegisteredModel, ServedEntity, Task
from lakeserve.storage.tables import usage_served_entities

ENTITY_TYPES = {
    "FOUNDATION_MODEL_API": "FOUNDATION_MODEL",
    "EXTERNAL_MODEL": "EXTERNAL_MODEL",
    "CUSTOM_MODEL": "CUSTOM_MODEL",
}


def note_entities(connection: Connection, endpoint: Endpoint) -> None:
    """Write down the entities of an endpoint's config."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    added = insert(usage_served_entities)
    keys = ("served_entity_id", "endpoint_config_version")
    for entity in endpoint.entities:
        values = _values(endpoint, entity)
        changed = {name: added.excluded[name] for name in values if name not in keys}
        statement = added.on_conflict_do_update(index_elements=keys, set_=changed)
        connection.execute(statement, values)


def note_task(connection: Connection, endpoint_id: str, task: Task | None) -> None:
    """Write down the task that an endpoint's entities turned out to have."""
    table = usage_served_entities
    connection.execute(
        update(table)
        .where(table.c.endpoint_id == endpoint_id, table.c.endpoint_delete_time.is_(None))
        .values(task=task or "")
    )


def note_deletion(connection: Connection, endpoint_id: str, now_ms: int) -> None:
    """Write down that an endpoint is gone."""
    table = usage_served_entities
    connection.execute(
        update(table)
        .where(table.c.endpoint_id == endpoint_id, table.c.endpoint_delete_time.is_(None))
        .values(endpoint_delete_time=now_ms)
    )


def _values(endpoint: Endpoint, entity: ServedEntity) -> dict[str, object]:
    backend = entity.backend
    external = backend if isinstance(backend, ExternalModel) else None
    custom = backend if isinstance(backend, RegisteredModel) else None
    named = external or custom
    return {
        "served_entity_id": entity.id,
        "endpoint_config_version": endpoint.config_version,
        "account_id": "",
        "workspace_id": "",
        "created_by": endpoint.creator,
        "endpoint_name": endpoint.name,
        "endpoint_id": endpoint.id,
        "served_entity_name": entity.name,
        "entity_type": ENTITY_TYPES[endpoint.endpoint_type],
        "entity_name": entity.model_name if named is None else named.name,
        "entity_version": None if custom is None else custom.version,
        "task": endpoint.task or "",
        "external_model_config": {"provider": external.provider} if external is not None else None,
        "foundation_model_config": None,
        "custom_model_config": None,
        "feature_spec_config": None,
        "change_time": endpoint.updated_at,
        "endpoint_delete_time": None,
    }
