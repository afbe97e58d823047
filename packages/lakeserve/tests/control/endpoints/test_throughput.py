from typing import Any

import pytest
from lakeserve.control.endpoints.added_models import MOST_UNITS
from lakeserve.control.endpoints.config import check_config
from lakeserve.control.endpoints.presentation import detail
from lakeserve.control.endpoints.throughput import (
    PtConfigInput,
    PtCreateInput,
    as_config,
    as_create,
)
from lakeserve.core.endpoints import Endpoint, LocalModel, Scale
from lakeserve.core.errors import InvalidParameter, NotBuilt
from lakeserve.workers.protocols import ModelKind

MODELS: dict[str, ModelKind] = {"mine": "chat", "other": "chat"}


def config(**fields: Any) -> PtConfigInput:
    entity = {"entity_name": "mine", "provisioned_model_units": 100, **fields}
    return PtConfigInput.model_validate({"served_entities": [entity]})


def test_units_are_calls_at_a_time() -> None:
    checked = check_config(as_config(config(), MODELS), "", MODELS)
    ((entity, _),) = checked.entities
    assert entity.backend == LocalModel("mine", Scale(8, model_units=100))
    assert (checked.task, entity.start) == ("llm/v1/chat", "eager")
    endpoint = Endpoint("id", "e", checked.task, "CUSTOM_MODEL", "anna", 1, 1, (entity,))
    seen: Any = detail(endpoint, {}, "CAN_MANAGE")
    (told,) = seen["config"]["served_entities"]
    assert (told["entity_name"], told["provisioned_model_units"]) == ("mine", 100)
    assert "workload_size" not in told


def test_a_whole_request() -> None:
    given = PtCreateInput.model_validate(
        {
            "name": "e",
            "config": config().model_dump(),
            "tags": [{"key": "a"}],
            "ai_gateway": {"usage_tracking_config": {"enabled": True}},
            "budget_policy_id": "b",
        }
    )
    made = as_create(given, MODELS)
    assert (made.name, made.budget_policy_id, made.tags) == ("e", "b", given.tags)
    assert made.ai_gateway == given.ai_gateway
    assert made.config == as_config(given.config, MODELS)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"entity_name": "x"}, r"'config.served_entities.0.entity_name' has the value 'x'.*mine"),
        ({"entity_version": "1"}, r"'config.served_entities.0.entity_version' has the value '1'"),
    ],
)
def test_models_that_are_not_here(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameter, match=text):
        as_config(config(**fields), MODELS)
    with pytest.raises(InvalidParameter, match="there are none; add one"):
        as_config(config(), {})


@pytest.mark.parametrize("units", [0, -50, 30, MOST_UNITS + 50])
def test_units_that_are_none(units: int) -> None:
    with pytest.raises(InvalidParameter, match=r"'served_entities.0.provisioned_model_units'"):
        check_config(as_config(config(provisioned_model_units=units), MODELS), "", MODELS)


def test_what_means_nothing_here() -> None:
    bursts = as_config(config(burst_scaling_enabled=True), MODELS)
    with pytest.raises((InvalidParameter, NotBuilt), match="burst_scaling_enabled"):
        check_config(bursts, "", MODELS)
    both = as_config(config(), MODELS)
    assert both.served_entities is not None
    both.served_entities[0].workload_size = "Small"
    with pytest.raises(InvalidParameter, match="exclude each other"):
        check_config(both, "", MODELS)
