"""Endpoints as the admin API shows them. Pure: values in, JSON objects out."""

from collections.abc import Mapping, Sequence

from lakeserve.control.endpoints.gateway_presentation import gateway_block
from lakeserve.core.endpoints import (
    CONCURRENCY,
    ConfigUpdate,
    Endpoint,
    EntityState,
    ExternalModel,
    LocalModel,
    Notifications,
    OpenAICompatible,
    RegisteredModel,
    Scale,
    ServedEntity,
)
from lakeserve.providers.plugins import FORMS

Json = dict[str, object]

STARTING = EntityState("DEPLOYMENT_CREATING")
_APIS: Mapping[str, Sequence[str]] = {
    "llm/v1/chat": ("mlflow/v1/chat/completions", "openai/v1/responses"),
    "llm/v1/completions": ("mlflow/v1/completions",),
    "llm/v1/embeddings": ("mlflow/v1/embeddings",),
}

UNSEEN = EntityState("DEPLOYMENT_CREATING", "Waiting to be started")


def summary(endpoint: Endpoint, states: Mapping[str, EntityState]) -> Json:
    """An endpoint as the list shows it: without traffic and without the states of its entities."""
    config: Json = {
        "served_entities": [_entity_core(endpoint, entity) for entity in endpoint.entities]
    }
    if mirrors := [_mirror_core(entity) for entity in endpoint.entities if _is_custom(entity)]:
        config["served_models"] = mirrors
    return {**_common(endpoint, states), "config": config}


def is_foundation(endpoint: Endpoint) -> bool:
    """Whether an endpoint is one of the foundation catalogue."""
    return endpoint.endpoint_type == "FOUNDATION_MODEL_API"


def foundation_summary(endpoint: Endpoint, states: Mapping[str, EntityState]) -> Json:
    """A foundation endpoint with the interfaces that it can be asked by under ``/ai-gateway``."""
    apis = _APIS.get(endpoint.task or "", [])
    shown = {"ai_gateway_v2_supported": bool(apis), "api_types": list(apis)}
    return {**summary(endpoint, states), "foundation_model": shown}


def detail(endpoint: Endpoint, states: Mapping[str, EntityState], permission_level: str) -> Json:
    """An endpoint in full, as get shows it."""
    shown = {
        **_common(endpoint, states),
        "creator_display_name": endpoint.creator,
        "creator_kind": "User",
        "config": _config(endpoint, states),
        "permission_level": permission_level,
        "route_optimized": False,
    }
    if endpoint.update is not None and endpoint.update.failure is None:
        shown["pending_config"] = _pending(endpoint, endpoint.update, states)
    if endpoint.notifications is not None:
        shown["email_notifications"] = notifications(endpoint.notifications)
    return shown


def _config(endpoint: Endpoint, states: Mapping[str, EntityState]) -> Json:
    details = [_entity_detail(endpoint, entity, states) for entity in endpoint.entities]
    return {
        "config_version": endpoint.config_version,
        "served_entities": details,
        **_mirrors(endpoint.entities, details),
        "traffic_config": {"routes": [_route(entity) for entity in endpoint.entities]},
    }


def _mirrors(entities: Sequence[ServedEntity], details: Sequence[Json]) -> Json:
    """The older list of registered models, for clients that read only that."""
    mirrors = [
        {
            **{name: value for name, value in shown.items() if not name.startswith("entity_")},
            **_mirror_core(entity),
        }
        for entity, shown in zip(entities, details, strict=True)
        if _is_custom(entity)
    ]
    return {"served_models": mirrors} if mirrors else {}


def _is_custom(entity: ServedEntity) -> bool:
    return isinstance(entity.backend, RegisteredModel)


def _mirror_core(entity: ServedEntity) -> Json:
    model = entity.backend
    if not isinstance(model, RegisteredModel):
        return {}
    return {"name": entity.name, "model_name": model.name, "model_version": model.version}


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
        **({} if endpoint.task is None else {"task": endpoint.task}),
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


def _pending(endpoint: Endpoint, update: ConfigUpdate, states: Mapping[str, EntityState]) -> Json:
    details: list[Json] = [
        {
            **_entity_core(endpoint, entity),
            **_entity_workload(entity),
            "creator": endpoint.creator,
            "creation_timestamp": update.started_at,
            "state": _state(states.get(entity.id, STARTING)),
        }
        for entity in update.entities
    ]
    return {
        "config_version": endpoint.config_version + 1,
        "start_time": update.started_at,
        "served_entities": details,
        **_mirrors(update.entities, details),
        "traffic_config": {"routes": [_route(entity) for entity in update.entities]},
    }


def _entity_core(endpoint: Endpoint, entity: ServedEntity) -> Json:
    if isinstance(entity.backend, ExternalModel):
        return {"name": entity.name, "external_model": _external(endpoint, entity.backend)}
    if isinstance(entity.backend, RegisteredModel):
        model = entity.backend
        version = {"entity_version": model.version} if model.version else {}
        return {"name": entity.name, "entity_name": model.name, **version}
    if isinstance(entity.backend, LocalModel) and endpoint.endpoint_type == "CUSTOM_MODEL":
        return {"name": entity.name, "entity_name": entity.backend.reference}
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
        **_entity_workload(entity),
        "creator": endpoint.creator,
        "creation_timestamp": endpoint.created_at,
        "scale_to_zero_enabled": _scales_to_zero(entity),
        "state": _state(EntityState(state.deployment, message)),
    }


def _state(state: EntityState) -> Json:
    return {"deployment": state.deployment, "deployment_state_message": state.message}


def _entity_workload(entity: ServedEntity) -> Json:
    """How a registered model is served; references of secrets stand as given."""
    model = entity.backend
    if isinstance(model, LocalModel):
        return _sized(model.scale)
    if not isinstance(model, RegisteredModel):
        return {}
    workload = model.workload
    shown: dict[str, object | None] = {
        "workload_size": workload.size,
        "workload_type": workload.type,
        "scale_to_zero_enabled": workload.scale_to_zero,
        "min_provisioned_concurrency": workload.min_concurrency,
        "max_provisioned_concurrency": workload.max_concurrency,
        "environment_vars": dict(model.environment) or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _sized(scale: Scale) -> Json:
    """A concurrency as it can be asked for."""
    if scale.concurrency is None:
        return {}
    if scale.model_units is not None:
        return {"provisioned_model_units": scale.model_units}
    sizes = {concurrency: size for size, concurrency in CONCURRENCY.items()}
    if scale.min_concurrency is not None:
        return {
            "min_provisioned_concurrency": scale.min_concurrency,
            "max_provisioned_concurrency": scale.concurrency,
            "workload_type": "CPU",
        }
    if scale.concurrency in sizes:
        return {"workload_size": sizes[scale.concurrency], "workload_type": "CPU"}
    return {"max_provisioned_concurrency": scale.concurrency, "workload_type": "CPU"}


def _scales_to_zero(entity: ServedEntity) -> bool:
    if isinstance(entity.backend, RegisteredModel):
        return entity.backend.workload.scale_to_zero
    return entity.start != "eager" and not isinstance(
        entity.backend, (OpenAICompatible, ExternalModel)
    )


def _route(entity: ServedEntity) -> Json:
    return {
        "served_model_name": entity.name,
        "served_entity_name": entity.name,
        "traffic_percentage": entity.traffic_percentage,
    }
