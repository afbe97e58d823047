import pytest
from lakeserve.core.endpoints import (
    Backend,
    ExternalModel,
    LocalModel,
    OpenAICompatible,
    ServedEntity,
)
from lakeserve.storage.entity_rows import entity_of, entity_values

BACKENDS: tuple[Backend, ...] = (
    LocalModel("demo"),
    OpenAICompatible("http://h/v1", "m"),
    ExternalModel("custom", "m", {"a": {"b": "c"}}, {"a.d": "ciphertext"}),
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_entities_come_back(backend: Backend) -> None:
    entity = ServedEntity("1" * 32, "n", backend, "m", "M.", "on-demand", 40)
    assert entity_of({**entity_values(entity), "endpoint_id": "other"}) == entity
