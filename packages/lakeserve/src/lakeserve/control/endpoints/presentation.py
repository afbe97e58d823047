"""Endpoints as the admin API shows them. Pure: values in, JSON objects out."""

from collections.abc import Mapping, Sequence

from lakeserve.control.endpoints.gateway_presentation import gateway_block
from lakeserve.core.endpoints import (
    ConfigUpdate,
    Endpoint,
    EntityState,
    ExternalModel,
    Notifications,
    OpenAICompatible,
    ServedEntity,
)
from lakeserve.core.external_models import FORMS

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
    shown = {
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
    if endpoint.update is not None and endpoint.update.failure is None:
        shown["pending_config"] = _pending(endpoint, endpoint.update)
    if endpoint.notifications is not None:
        shown["email_notifications"] = notifications(endpoint.notifications)
    return shown


def tags(stored: Mapping[str, str]) -> list[Json]:
    """Tags as a list, sorted."""
    return [{"key": key, "value": stored[key]} for key in sorted(stored)]


def notifications(stored: Notifications) -> Json:
    """Who wants to hear of updates."""
    return {
        "on_update_success": list(stored.on_update_success),
        "on_update_failure": list(stored.on_update_failure),
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
    shown: Json = {
        "name": endpoint.name,
        "id": endpoint.id,
        "creator": endpoint.creator,
        "creation_timestamp": endpoint.created_at,
        "last_updated_timestamp": endpoint.updated_at,
        "description": endpoint.description,
        "state": {**endpoint_state(seen), **_update_state(endpoint.update)},
        "tags": tags(endpoint.tags),
        "task": endpoint.task,
        "endpoint_type": endpoint.endpoint_type,
        "capabilities": {"function_calling": endpoint.task == "llm/v1/chat"},
    }
    if endpoint.ai_gateway is not None:
        shown["ai_gateway"] = gateway_block(endpoint.ai_gateway)
    return shown


def _update_state(update: ConfigUpdate | None) -> Json:
    if update is None:
        return {}
    return {"config_update": "IN_PROGRESS" if update.failure is None else "UPDATE_FAILED"}


def _pending(endpoint: Endpoint, update: ConfigUpdate) -> Json:
    return {
        "config_version": endpoint.config_version + 1,
        "start_time": update.started_at,
        "served_entities": [
            {
                **_entity_core(endpoint, entity),
                "creator": endpoint.creator,
                "creation_timestamp": update.started_at,
                "state": {"deployment": "DEPLOYMENT_CREATING", "deployment_state_message": ""},
            }
            for entity in update.entities
        ],
        "traffic_config": {"routes": [_route(entity) for entity in update.entities]},
    }


def _entity_core(endpoint: Endpoint, entity: ServedEntity) -> Json:
    if isinstance(entity.backend, ExternalModel):
        return {"name": entity.name, "external_model": _external(endpoint, entity.backend)}
    return {
        "name": entity.name,
        "foundation_model": {
            "name": entity.model_name,
            "display_name": entity.model_name,
            "description": entity.model_description,
            "docs": endpoint.description,
        },
    }


def _external(endpoint: Endpoint, model: ExternalModel) -> Json:
    """What was configured, with references as they stand and without sealed secrets."""
    return {
        "name": model.name,
        "provider": model.provider,
        "task": endpoint.task,
        FORMS[model.provider].block: dict(model.options),
    }


def _entity_detail(
    endpoint: Endpoint, entity: ServedEntity, states: Mapping[str, EntityState]
) -> Json:
    state = states.get(entity.id, UNSEEN)
    message = state.message
    if endpoint.update is not None and endpoint.update.failure is not None:
        failed = f"The last update of the config failed ({endpoint.update.failure})"
        message = f"{failed}; this config was kept. {message}".rstrip()
    return {
        **_entity_core(endpoint, entity),
        "creator": endpoint.creator,
        "creation_timestamp": endpoint.created_at,
        "scale_to_zero_enabled": _scales_to_zero(entity),
        "state": {"deployment": state.deployment, "deployment_state_message": message},
    }


def _scales_to_zero(entity: ServedEntity) -> bool:
    return entity.start == "on-demand" and not isinstance(
        entity.backend, (OpenAICompatible, ExternalModel)
    )


def _route(entity: ServedEntity) -> Json:
    return {
        "served_model_name": entity.name,
        "served_entity_name": entity.name,
        "traffic_percentage": entity.traffic_percentage,
    }
