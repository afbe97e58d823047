from dataclasses import replace
from typing import Any, get_args

import pytest
from lakeserve.control.endpoints.presentation import detail, endpoint_state, summary
from lakeserve.core.endpoints import (
    ConfigUpdate,
    DeploymentState,
    Endpoint,
    EntityState,
    LocalModel,
    OpenAICompatible,
    RegisteredModel,
    ServedEntity,
    Workload,
)

ENTITY = ServedEntity(
    id="1" * 32,
    name="entity",
    backend=OpenAICompatible("http://h", "m", api_key="sk-secret"),
    model_name="m",
    model_description="A model.",
)
ENDPOINT = Endpoint(
    id="e" * 32,
    name="databricks-x",
    task="llm/v1/chat",
    endpoint_type="FOUNDATION_MODEL_API",
    creator="System-User",
    created_at=1,
    updated_at=2,
    entities=(ENTITY,),
    config_version=3,
    description="Served by m.",
)
READY = {ENTITY.id: EntityState("DEPLOYMENT_READY", "fine")}


def test_the_detail() -> None:
    assert detail(ENDPOINT, READY, "CAN_QUERY") == {
        "name": "databricks-x",
        "id": "e" * 32,
        "creator": "System-User",
        "creator_display_name": "System-User",
        "creator_kind": "User",
        "creation_timestamp": 1,
        "last_updated_timestamp": 2,
        "description": "Served by m.",
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "tags": [],
        "task": "llm/v1/chat",
        "endpoint_type": "FOUNDATION_MODEL_API",
        "capabilities": {"function_calling": True},
        "config": {
            "config_version": 3,
            "served_entities": [
                {
                    "name": "entity",
                    "foundation_model": {
                        "name": "m",
                        "display_name": "m",
                        "description": "A model.",
                        "docs": "Served by m.",
                    },
                    "creator": "System-User",
                    "creation_timestamp": 1,
                    "scale_to_zero_enabled": False,
                    "state": {
                        "deployment": "DEPLOYMENT_READY",
                        "deployment_state_message": "fine",
                    },
                }
            ],
            "traffic_config": {
                "routes": [
                    {
                        "served_model_name": "entity",
                        "served_entity_name": "entity",
                        "traffic_percentage": 100,
                    }
                ]
            },
        },
        "permission_level": "CAN_QUERY",
        "route_optimized": False,
    }


def test_the_summary_has_neither_traffic_nor_deployments() -> None:
    shown: Any = summary(ENDPOINT, READY)
    assert set(shown["config"]) == {"served_entities"}
    assert set(shown["config"]["served_entities"][0]) == {"name", "foundation_model"}
    assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert set(shown) < set(detail(ENDPOINT, READY, "CAN_VIEW"))


def test_no_secret_is_shown() -> None:
    assert "sk-secret" not in repr((summary(ENDPOINT, {}), detail(ENDPOINT, {}, "CAN_VIEW")))
    assert "sk-secret" not in repr(ENDPOINT)


def test_an_on_demand_worker_scales_to_zero() -> None:
    asleep = ServedEntity("2", "n", LocalModel("demo"), "m", "d", start="on-demand")
    endpoint = Endpoint("e", "n", "llm/v1/embeddings", "FOUNDATION_MODEL_API", "c", 1, 1, (asleep,))
    shown: Any = detail(endpoint, {}, "CAN_VIEW")
    assert shown["config"]["served_entities"][0]["scale_to_zero_enabled"]
    assert shown["capabilities"] == {"function_calling": False}


@pytest.mark.parametrize(
    ("deployments", "ready", "update"),
    [
        (["DEPLOYMENT_READY"], "READY", "NOT_UPDATING"),
        (["DEPLOYMENT_CREATING"], "NOT_READY", "IN_PROGRESS"),
        (["DEPLOYMENT_RECOVERING"], "NOT_READY", "NOT_UPDATING"),
        (["DEPLOYMENT_FAILED"], "NOT_READY", "UPDATE_FAILED"),
        (["DEPLOYMENT_ABORTED"], "NOT_READY", "UPDATE_FAILED"),
        (["DEPLOYMENT_READY", "DEPLOYMENT_RECOVERING"], "READY", "NOT_UPDATING"),
        (["DEPLOYMENT_READY", "DEPLOYMENT_CREATING"], "READY", "IN_PROGRESS"),
    ],
)
def test_the_state_of_an_endpoint(
    deployments: list[DeploymentState], ready: str, update: str
) -> None:
    states = [EntityState(deployment) for deployment in deployments]
    assert endpoint_state(states) == {"ready": ready, "config_update": update}


def test_an_entity_that_nobody_saw_yet_is_being_created() -> None:
    shown: Any = detail(ENDPOINT, {}, "CAN_VIEW")
    (entity,) = shown["config"]["served_entities"]
    assert entity["state"]["deployment"] in get_args(DeploymentState)
    assert shown["state"] == {"ready": "NOT_READY", "config_update": "IN_PROGRESS"}


def test_a_registered_model_in_both_forms() -> None:
    workload = Workload("Small", "CPU", True)
    model = RegisteredModel("main.ml.iris", "3", workload, {"KEY": "{{secrets/s/k}}"})
    entity = ServedEntity("e", "iris-3", model, "main.ml.iris 3", "M.", "until-idle")
    new = replace(entity, id="n", backend=replace(model, version="4", environment={}))
    endpoint = Endpoint(
        "id",
        "iris",
        None,
        "CUSTOM_MODEL",
        "a",
        1,
        2,
        (entity,),
        update=ConfigUpdate("u", (new,), 9),
    )
    building = EntityState("DEPLOYMENT_CREATING", "Building its environment")
    shown: Any = detail(endpoint, {"e": EntityState("DEPLOYMENT_READY"), "n": building}, "CAN_VIEW")
    assert "task" not in shown
    common = {
        "name": "iris-3",
        "workload_size": "Small",
        "workload_type": "CPU",
        "scale_to_zero_enabled": True,
        "environment_vars": {"KEY": "{{secrets/s/k}}"},
        "creator": "a",
        "creation_timestamp": 1,
        "state": {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""},
    }
    config = shown["config"]
    assert config["served_entities"] == [
        {"entity_name": "main.ml.iris", "entity_version": "3", **common}
    ]
    assert config["served_models"] == [
        {"model_name": "main.ml.iris", "model_version": "3", **common}
    ]
    pending = shown["pending_config"]["served_entities"][0]
    assert pending["state"]["deployment_state_message"] == "Building its environment"
    assert pending["entity_version"] == "4"
    listed: Any = summary(endpoint, {})
    assert listed["config"]["served_models"] == [
        {"name": "iris-3", "model_name": "main.ml.iris", "model_version": "3"}
    ]
