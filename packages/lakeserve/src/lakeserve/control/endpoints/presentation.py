"""Endpoints as the admin API shows them. Pure: values in, JSON objects out."""

from collections.abc import Mapping, Sequence

from lakeserve.core.endpoints import (
    Endpoint,
    EntityState,
    OpenAICompatible,
    ServedEntity,
)

Json = dict[str, object]

UNSEEN = EntityState("DEPLOYMENT_CREATING", "Waiting to be started")


def summary(endpoint: Endpoint, states: Mapping[str, EntityState]) -> Json:
    """An endpoint as the list shows it: without traffic and without the states of its entities."""
    return {
        **_common(endpoint, states),
        "config": {
            "served_entities": [_entity_core(endpoint, entity) for entity in endpoint.entities]
        },
    }


def detail(endpoint: Endpoint, states: Mapping[str, EntityState], permission_level: str) -> Json:
    """An endpoint in full, as get shows it."""
    return {
        **_common(endpoint, states),
        "creator_display_name": endpoint.creator,
        "creator_kind": "User",
        "config": {
            "config_version": endpoint.config_version,
            "served_entities": [
                _entity_detail(endpoint, entity, states) for entity in endpoint.entities
            ],
            "traffic_config": {"routes": [_route(entity) for entity in endpoint.entities]},
        },
        "permission_level": permission_level,
        "route_optimized": False,
    }


def endpoint_state(states: Sequence[EntityState]) -> Json:
    """``ready`` and ``config_update`` of an endpoint, from what was seen of its entities."""
    seen = {state.deployment for state in states}
    if "DEPLOYMENT_CREATING" in seen:
        update = "IN_PROGRESS"
    elif seen & {"DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED"}:
        update = "UPDATE_FAILED"
    else:
        update = "NOT_UPDATING"
    ready = "READY" if "DEPLOYMENT_READY" in seen else "NOT_READY"
    return {"ready": ready, "config_update": update}


def _common(endpoint: Endpoint, states: Mapping[str, EntityState]) -> Json:
    seen = [states.get(entity.id, UNSEEN) for entity in endpoint.entities]
    return {
        "name": endpoint.name,
        "id": endpoint.id,
        "creator": endpoint.creator,
        "creation_timestamp": endpoint.created_at,
        "last_updated_timestamp": endpoint.updated_at,
        "description": endpoint.description,
        "state": endpoint_state(seen),
        "tags": [],
        "task": endpoint.task,
        "endpoint_type": endpoint.endpoint_type,
        "capabilities": {"function_calling": endpoint.task == "llm/v1/chat"},
    }


def _entity_core(endpoint: Endpoint, entity: ServedEntity) -> Json:
    return {
        "name": entity.name,
        "foundation_model": {
            "name": entity.model_name,
            "display_name": entity.model_name,
            "description": entity.model_description,
            "docs": endpoint.description,
        },
    }


def _entity_detail(
    endpoint: Endpoint, entity: ServedEntity, states: Mapping[str, EntityState]
) -> Json:
    state = states.get(entity.id, UNSEEN)
    return {
        **_entity_core(endpoint, entity),
        "creator": endpoint.creator,
        "creation_timestamp": endpoint.created_at,
        "scale_to_zero_enabled": _scales_to_zero(entity),
        "state": {"deployment": state.deployment, "deployment_state_message": state.message},
    }


def _scales_to_zero(entity: ServedEntity) -> bool:
    return entity.start == "on-demand" and not isinstance(entity.backend, OpenAICompatible)


def _route(entity: ServedEntity) -> Json:
    return {
        "served_model_name": entity.name,
        "served_entity_name": entity.name,
        "traffic_percentage": entity.traffic_percentage,
    }
