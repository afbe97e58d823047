import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from lakeserve.core.endpoints import ConfigUpdate, Endpoint, ExternalModel, ServedEntity
from lakeserve.reconcile.deployments import CREATING, DEPLOYED, Deployments
from lakeserve.storage.database import Storage

Until = Callable[[Callable[[], bool]], Awaitable[None]]

OLD, NEW = "{{secrets/s/old}}", "{{secrets/s/new}}"


def entity(entity_id: str, reference: str) -> ServedEntity:
    model = ExternalModel("openai", "gpt-4", {"openai_api_key": reference})
    return ServedEntity(entity_id, "gpt-4", model, "gpt-4", "M.")


ENDPOINT = Endpoint(
    "id", "chat", "llm/v1/chat", "EXTERNAL_MODEL", "a", 1, 1, (entity("old", OLD),), tags={"k": "v"}
)
UPDATED = replace(ENDPOINT, update=ConfigUpdate("u", (entity("new", NEW),), 5))


async def by_id(storage: Storage) -> Mapping[str, Endpoint]:
    found = await storage.read(lambda tx: tx.endpoints.all())
    return {endpoint.id: endpoint for endpoint in found}


@pytest.fixture
async def deployments(storage: Storage, secrets: Any) -> AsyncIterator[Deployments]:
    made = Deployments(
        storage, secrets, partial(by_id, storage), lambda ids: None, failed_retry_s=0.01
    )
    yield made
    await made.stop()


async def stored(storage: Storage) -> Endpoint:
    endpoint = await storage.read(lambda tx: tx.endpoints.find("chat"))
    assert endpoint is not None
    return endpoint


async def test_a_missing_secret_is_looked_for_again(
    deployments: Deployments, storage: Storage, secrets: Any, until: Until
) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    assert deployments.state("old") == CREATING
    deployments.start()
    deployments.wake(["id"])
    await until(lambda: deployments.state("old").deployment == "DEPLOYMENT_FAILED")
    assert deployments.state("old").message == f"no secret {OLD} for a"
    secrets.known[OLD] = "sk"
    await until(lambda: deployments.state("old") == DEPLOYED)
    assert deployments.values("old") == {"openai_api_key": "sk"}


async def test_an_update_comes_into_force(
    deployments: Deployments, storage: Storage, secrets: Any
) -> None:
    secrets.known = {OLD: "1", NEW: "2"}
    await storage.write(lambda tx: tx.endpoints.save(UPDATED))
    assert await deployments.settle((UPDATED,))
    now = await stored(storage)
    assert now.updated_at > 1
    assert now == replace(
        ENDPOINT, entities=(entity("new", NEW),), config_version=2, updated_at=now.updated_at
    )
    assert deployments.state("new") == DEPLOYED
    assert not await deployments.settle((now,))
    assert deployments.values("old") is None


async def test_a_failed_update_leaves_the_old_config(
    deployments: Deployments, storage: Storage, secrets: Any
) -> None:
    secrets.known = {OLD: "1"}
    await storage.write(lambda tx: tx.endpoints.save(UPDATED))
    assert await deployments.settle((UPDATED,))
    failed = await stored(storage)
    assert failed.update is not None
    assert failed.update.failure == f"gpt-4: no secret {NEW} for a"
    assert replace(failed, update=None) == ENDPOINT
    assert deployments.state("old") == DEPLOYED
    assert not await deployments.settle((failed,))


async def test_an_update_that_was_replaced_changes_nothing(
    deployments: Deployments, storage: Storage, secrets: Any
) -> None:
    secrets.known = {OLD: "1", NEW: "2"}
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    await deployments.settle((UPDATED,))
    assert await stored(storage) == ENDPOINT


async def test_faults_do_not_end_the_loop(
    storage: Storage, secrets: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeserve.reconcile.deployments.RETRY_S", 0.01)
    asked = 0

    async def reload() -> Mapping[str, Endpoint]:
        nonlocal asked
        asked += 1
        raise RuntimeError("a fault")

    deployments = Deployments(storage, secrets, reload, lambda ids: None)
    deployments.start()
    deployments.wake(())
    await until(lambda: asked > 2)
    await deployments.stop()
    await asyncio.sleep(0)


@pytest.mark.parametrize("is_known", [True, False])
async def test_whoever_wants_to_know_of_updates_is_told(
    storage: Storage, secrets: Any, is_known: bool
) -> None:
    told: list[tuple[str, str | None]] = []
    deployments = Deployments(
        storage,
        secrets,
        partial(by_id, storage),
        lambda ids: None,
        tell=lambda endpoint, failure: told.append((endpoint.name, failure)),
    )
    secrets.known[OLD] = "sk"
    if is_known:
        secrets.known[NEW] = "sk"
    await storage.write(lambda tx: tx.endpoints.save(UPDATED))
    await deployments.settle([UPDATED])
    await deployments.settle([UPDATED])  # it has ended already
    assert told == [("chat", None if is_known else f"gpt-4: no secret {NEW} for a")]
