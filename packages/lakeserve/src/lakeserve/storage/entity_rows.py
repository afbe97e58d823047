"""Served entities as rows of a table or as JSON objects inside one."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from lakeserve.core.endpoints import (
    Backend,
    ExternalModel,
    LocalModel,
    LocalServer,
    OpenAICompatible,
    RegisteredModel,
    Scale,
    ServedEntity,
    Workload,
)


def entity_values(entity: ServedEntity) -> dict[str, object]:
    """An entity in plain values; backends are stored without their credential."""
    return {
        "id": entity.id,
        "name": entity.name,
        "backend": _backend_json(entity.backend),
        "model_name": entity.model_name,
        "model_description": entity.model_description,
        "start": entity.start,
        "traffic_percentage": entity.traffic_percentage,
    }


def entity_of(stored: Mapping[str, Any]) -> ServedEntity:
    """The entity that :func:`entity_values` was given; other keys are left alone."""
    return ServedEntity(
        id=stored["id"],
        name=stored["name"],
        backend=_backend(stored["backend"]),
        model_name=stored["model_name"],
        model_description=stored["model_description"],
        start=stored["start"],
        traffic_percentage=stored["traffic_percentage"],
    )


def _backend_json(backend: Backend) -> dict[str, Any]:
    if isinstance(backend, LocalModel):
        return {
            "kind": "local",
            "reference": backend.reference,
            **asdict(backend.scale),
        }
    if isinstance(backend, LocalServer):
        return {"kind": "server", "key": backend.key, "replicas": backend.scale.replicas}
    if isinstance(backend, ExternalModel):
        return {
            "kind": "external",
            "provider": backend.provider,
            "name": backend.name,
            "options": dict(backend.options),
            "sealed": dict(backend.sealed),
        }
    if isinstance(backend, RegisteredModel):
        return {
            "kind": "registered",
            "name": backend.name,
            "version": backend.version,
            "workload": asdict(backend.workload),
            "environment": dict(backend.environment),
        }
    return {"kind": "openai", "base_url": backend.base_url, "model": backend.model}


def _backend(stored: Mapping[str, Any]) -> Backend:
    if stored["kind"] == "local":
        scale = {each.name: stored[each.name] for each in fields(Scale) if each.name in stored}
        return LocalModel(stored["reference"], Scale(**scale))
    if stored["kind"] == "server":
        return LocalServer(stored["key"], Scale(replicas=stored["replicas"]))
    if stored["kind"] == "external":
        return ExternalModel(
            stored["provider"], stored["name"], stored["options"], stored["sealed"]
        )
    if stored["kind"] == "registered":
        workload = Workload(**stored["workload"])
        return RegisteredModel(stored["name"], stored["version"], workload, stored["environment"])
    return OpenAICompatible(base_url=stored["base_url"], model=stored["model"])
