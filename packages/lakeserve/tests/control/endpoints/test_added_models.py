from typing import Any

import pytest
from lakeserve.control.endpoints.config import check_config
from lakeserve.control.endpoints.presentation import detail
from lakeserve.control.endpoints.requests import ConfigInput
from lakeserve.core.endpoints import Endpoint, LocalModel, Scale
from lakeserve.core.errors import InvalidParameter
from lakeserve.workers.protocols import ModelKind

MODELS: dict[str, ModelKind] = {"mine": "chat", "other": "chat", "vectors": "embedding"}


def config(*entities: dict[str, Any], **more: Any) -> ConfigInput:
    return ConfigInput.model_validate({"served_entities": list(entities), **more})


@pytest.mark.parametrize(
    ("fields", "scale", "start", "shown"),
    [
        ({}, Scale(4, most_replicas=1), "eager", {"workload_size": "Small"}),
        (
            {"workload_size": "Medium"},
            Scale(16, most_replicas=2),
            "eager",
            {"workload_size": "Medium"},
        ),
        (
            {"min_provisioned_concurrency": 4, "max_provisioned_concurrency": 16},
            Scale(16, most_replicas=4, min_concurrency=4),
            "eager",
            {"min_provisioned_concurrency": 4, "max_provisioned_concurrency": 16},
        ),
        (
            {"scale_to_zero_enabled": True, "max_provisioned_concurrency": 8},
            Scale(8, most_replicas=1),
            "until-idle",
            {"max_provisioned_concurrency": 8},
        ),
    ],
)
def test_a_model_of_the_platform(
    fields: dict[str, Any], scale: Scale, start: str, shown: dict[str, Any]
) -> None:
    checked = check_config(config({"entity_name": "mine", **fields}), "", MODELS)
    ((entity, _),) = checked.entities
    assert (checked.task, checked.endpoint_type) == ("llm/v1/chat", "CUSTOM_MODEL")
    assert (entity.backend, entity.start) == (LocalModel("mine", scale), start)
    assert entity.name == "mine"
    endpoint = Endpoint("id", "e", "llm/v1/chat", "CUSTOM_MODEL", "anna", 1, 1, (entity,))
    seen: Any = detail(endpoint, {}, "CAN_MANAGE")
    (told,) = seen["config"]["served_entities"]
    assert told["entity_name"] == "mine"
    assert told["scale_to_zero_enabled"] is (start == "until-idle")
    assert shown.items() <= told.items()
    assert "foundation_model" not in told


def test_vectors() -> None:
    assert check_config(config({"entity_name": "vectors"}), "", MODELS).task == "llm/v1/embeddings"


def test_a_version_means_a_registry() -> None:
    given = config({"entity_name": "mine", "entity_version": "1"})
    ((entity, _),) = check_config(given, "", MODELS).entities
    assert not isinstance(entity.backend, LocalModel)


ROUTES = {
    "routes": [
        {"served_entity_name": "a", "traffic_percentage": 50},
        {"served_entity_name": "b", "traffic_percentage": 50},
    ]
}


@pytest.mark.parametrize(
    ("entities", "told"),
    [
        ([{"entity_name": "mine", "environment_vars": {"A": "b"}}], "environment_vars"),
        ([{"entity_name": "mine", "workload_size": "Huge"}], "workload_size"),
        (
            [{"name": "a", "entity_name": "mine"}, {"name": "b", "entity_name": "vectors"}],
            "mixes models",
        ),
        (
            [
                {"name": "a", "entity_name": "mine"},
                {"name": "b", "entity_name": "x", "entity_version": "1"},
            ],
            "mixes models",
        ),
    ],
)
def test_what_is_refused(entities: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(InvalidParameter, match=told):
        check_config(config(*entities, traffic_config=ROUTES), "", MODELS)


def test_several_models_share_the_traffic() -> None:
    given = config(
        {"name": "a", "entity_name": "mine"},
        {"name": "b", "entity_name": "other"},
        traffic_config=ROUTES,
    )
    assert len(check_config(given, "", MODELS).entities) == 2
