from typing import Any

import pytest
from lakeserve.control.endpoints.registered_models import (
    default_name,
    environment_references,
    from_legacy,
    registered,
)
from lakeserve.control.endpoints.requests import ServedEntityInput, ServedModelInput
from lakeserve.core.endpoints import RegisteredModel, Workload
from lakeserve.core.errors import InvalidParameter, NotBuilt

WHERE = "config.served_entities.0"


def checked(**fields: Any) -> RegisteredModel:
    given = {"entity_name": "main.ml.iris", "entity_version": "3", **fields}
    return registered(ServedEntityInput.model_validate(given), WHERE)


def test_the_smallest_is_the_default() -> None:
    model = checked()
    assert model == RegisteredModel("main.ml.iris", "3", Workload("Small", "CPU", False))
    assert model.scale.concurrency == 4
    assert not model.is_directory


@pytest.mark.parametrize(
    ("fields", "workload", "concurrency", "most_replicas"),
    [
        ({"workload_size": "Medium"}, Workload("Medium"), 16, 2),
        ({"workload_size": "Large"}, Workload("Large"), 64, 4),
        ({"workload_type": "GPU_SMALL"}, Workload("Small", "GPU_SMALL"), 4, 1),
        ({"scale_to_zero_enabled": True}, Workload("Small", "CPU", True), 4, 1),
        (
            {"min_provisioned_concurrency": 4, "max_provisioned_concurrency": 8},
            Workload(None, "CPU", False, 4, 8),
            8,
            2,
        ),
        (
            {"min_provisioned_concurrency": 0, "max_provisioned_concurrency": 12},
            Workload(None, "CPU", False, 0, 12),
            12,
            3,
        ),
        (
            {"min_provisioned_concurrency": 8, "max_provisioned_concurrency": 20},
            Workload(None, "CPU", False, 8, 20),
            20,
            3,
        ),
        ({"max_provisioned_concurrency": 12}, Workload(None, "CPU", False, None, 12), 12, 1),
    ],
)  # fmt: skip
def test_workloads(
    fields: dict[str, Any], workload: Workload, concurrency: int, most_replicas: int
) -> None:
    model = checked(**fields)
    assert model.workload == workload
    scale = model.scale
    assert (scale.concurrency, scale.replicas, scale.most) == (concurrency, 1, most_replicas)


def test_a_directory_needs_no_version() -> None:
    model = checked(entity_name="/models/iris", entity_version=None)
    assert (model.name, model.version, model.is_directory) == ("/models/iris", "", True)


def test_the_older_form() -> None:
    given = ServedModelInput.model_validate(
        {"model_name": "iris", "model_version": "2", "workload_size": "Small", "name": "n"}
    )
    entity = from_legacy(given)
    assert (entity.entity_name, entity.entity_version, entity.name) == ("iris", "2", "n")
    assert registered(entity, WHERE) == RegisteredModel("iris", "2")


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("iris", "1", "iris-1"),
        ("main.ml.iris", "12", "iris-12"),
        ("my model", "1", "my-model-1"),
        ("/srv/models/iris.v2", "", "iris.v2"),
        ("日本", "", "model"),
    ],
)
def test_default_names(name: str, version: str, expected: str) -> None:
    assert default_name(RegisteredModel(name, version)) == expected


def test_variables() -> None:
    variables = {"A": "plain", "KEY": "{{secrets/scope/key}}"}
    model = checked(environment_vars=variables)
    assert dict(model.environment) == variables
    assert environment_references(model) == ("{{secrets/scope/key}}",)
    assert "plain" not in repr(model)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"entity_name": ""}, "entity_name' has the value ''"),
        ({"entity_name": "/models/../etc"}, "entity_name"),
        ({"entity_version": None}, "entity_version' has the value 'NoneType'"),
        ({"entity_version": "latest"}, "entity_version' has the value 'latest'"),
        ({"entity_version": True}, "entity_version"),
        ({"workload_size": "Huge"}, "workload_size' has the value 'Huge'; accepted: Small, Medium"),
        ({"workload_type": "TPU"}, "workload_type' has the value 'TPU'; accepted: CPU,"),
        ({"scale_to_zero_enabled": "yes"}, "scale_to_zero_enabled"),
        ({"max_provisioned_concurrency": 6}, "max_provisioned_concurrency' has the value 6"),
        ({"max_provisioned_concurrency": 0}, "accepted: at least 4"),
        ({"min_provisioned_concurrency": 4}, "max_provisioned_concurrency' is required"),
        (
            {"min_provisioned_concurrency": 8, "max_provisioned_concurrency": 4},
            "min_provisioned_concurrency' has the value 8; accepted: at most",
        ),
        ({"workload_size": "Small", "max_provisioned_concurrency": 4}, "exclude each other"),
        ({"environment_vars": ["A"]}, "must be an object of texts"),
        ({"environment_vars": {"1A": "x"}}, "has the value '1A'; accepted: names"),
        ({"environment_vars": {"A": 1}}, "environment_vars.A' must be a text"),
        ({"environment_vars": {"A": "x {{secrets/s/k}}"}}, "must be the whole value"),
        ({"environment_vars": {"LAKESERVE_MAX_BATCH_SIZE": "x"}}, "whole number from 2"),
        ({"environment_vars": {f"A{n}": "x" for n in range(31)}}, "at most 30"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        checked(**fields)


@pytest.mark.parametrize(
    "field", ["min_provisioned_throughput", "instance_profile_arn", "burst_scaling_enabled"]
)
def test_what_is_not_built(field: str) -> None:
    with pytest.raises(NotBuilt, match=field):
        checked(**{field: 1})
