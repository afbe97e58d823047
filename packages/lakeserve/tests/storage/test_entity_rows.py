import pytest
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
from lakeserve.storage.entity_rows import entity_of, entity_values

BACKENDS: tuple[Backend, ...] = (
    LocalModel("demo"),
    LocalServer("databricks-x", Scale(replicas=2)),
    LocalModel("demo", Scale(concurrency=8, replicas=2)),
    LocalModel("demo", Scale(concurrency=16, most_replicas=4, min_concurrency=4)),
    OpenAICompatible("http://h/v1", "m"),
    RegisteredModel("main.ml.iris", "3", Workload("Medium", "CPU", True), {"A": "b"}),
    RegisteredModel("/models/iris", "", Workload(None, "CPU", False, 4, 8)),
    ExternalModel("custom", "m", {"a": {"b": "c"}}, {"a.d": "ciphertext"}),
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_entities_come_back(backend: Backend) -> None:
    entity = ServedEntity("1" * 32, "n", backend, "m", "M.", "on-demand", 40)
    assert entity_of({**entity_values(entity), "endpoint_id": "other"}) == entity


def test_local_models_of_an_earlier_release() -> None:
    entity = ServedEntity("1" * 32, "n", LocalModel("demo"), "m", "M.")
    stored = {**entity_values(entity), "backend": {"kind": "local", "reference": "demo"}}
    assert entity_of(stored) == entity
