"""Who could answer, and until when."""

from dataclasses import replace
from typing import Any

from lakeserve.core.endpoints import (
    Endpoint,
    ExternalModel,
    LocalModel,
    RegisteredModel,
    ServedEntity,
)
from lakeserve.storage.database import Storage
from lakeserve.storage.tables import usage_served_entities
from lakeserve.storage.transaction import Transaction
from sqlalchemy import select

LOCAL = ServedEntity("s1", "chat-1", LocalModel("demo"), "Demo", "small")
VENDOR = ServedEntity("s2", "chat-2", ExternalModel("openai", "gpt-x", {}), "gpt-x", "theirs")
ENDPOINT = Endpoint("e", "chat", "llm/v1/chat", "EXTERNAL_MODEL", "anna", 1, 2, (VENDOR,))


async def noted(storage: Storage) -> list[Any]:
    def work(transaction: Transaction) -> list[Any]:
        wanted = select(usage_served_entities).order_by(
            usage_served_entities.c.endpoint_config_version
        )
        return list(transaction.usage._connection.execute(wanted))

    return await storage.read(work)


async def test_entities_are_noted_with_each_config(storage: Storage) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    newer = replace(
        ENDPOINT, entities=(LOCAL,), config_version=2, endpoint_type="FOUNDATION_MODEL_API"
    )
    await storage.write(lambda tx: tx.endpoints.save(newer))
    first, second = await noted(storage)
    assert (first.served_entity_id, first.entity_type) == ("s2", "EXTERNAL_MODEL")
    assert (first.entity_name, first.external_model_config) == ("gpt-x", {"provider": "openai"})
    assert (second.served_entity_id, second.entity_type) == ("s1", "FOUNDATION_MODEL")
    assert (second.entity_name, second.external_model_config) == ("Demo", None)
    assert second.endpoint_delete_time is None


async def test_they_outlive_their_endpoint(storage: Storage) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    await storage.write(lambda tx: tx.endpoints.save(replace(ENDPOINT, updated_at=9)))
    await storage.write(lambda tx: tx.endpoints.delete("e"))
    (row,) = await noted(storage)
    assert row.change_time == 9
    deleted_at = row.endpoint_delete_time
    assert deleted_at > 0
    await storage.write(lambda tx: tx.endpoints.delete("e"))
    (row,) = await noted(storage)
    assert row.endpoint_delete_time == deleted_at


async def test_the_task_of_a_custom_model_is_noted_when_it_is_known(storage: Storage) -> None:
    model = ServedEntity("s3", "iris-3", RegisteredModel("ml.iris", "3"), "ml.iris 3", "M.")
    endpoint = Endpoint("e", "iris", None, "CUSTOM_MODEL", "anna", 1, 2, (model,))
    await storage.write(lambda tx: tx.endpoints.save(endpoint))
    (row,) = await noted(storage)
    assert (row.entity_type, row.entity_name, row.entity_version) == (
        "CUSTOM_MODEL",
        "ml.iris",
        "3",
    )
    assert row.task == ""
    await storage.write(lambda tx: tx.endpoints.set_task("e", "agent/v1/chat"))
    (row,) = await noted(storage)
    assert row.task == "agent/v1/chat"
    found = await storage.read(lambda tx: tx.endpoints.with_id("e"))
    assert found == replace(endpoint, task="agent/v1/chat")
