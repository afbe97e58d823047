from dataclasses import replace

from lakeserve.core.endpoints import (
    Address,
    Endpoint,
    EntityState,
    LocalModel,
    Observed,
    ServedEntity,
)
from lakeserve.storage.database import Storage

ENTITY = ServedEntity("1" * 32, "entity", LocalModel("demo"), "m", "M.")
ENDPOINT = Endpoint(
    "e" * 32, "name", "llm/v1/chat", "CUSTOM_MODEL", "a@example.com", 1, 1, (ENTITY,)
)
CREATING = Observed(EntityState("DEPLOYMENT_CREATING", "Starting"))
READY = Observed(
    EntityState("DEPLOYMENT_READY"),
    (Address(uds="/run/a.sock"), Address(host="b", port=8, tls=True, base_path="/v1", bearer="t")),
)


async def test_the_newest_state_is_kept_and_strangers_are_left_out(storage: Storage) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    await storage.write(lambda tx: tx.states.save({ENTITY.id: CREATING, "gone": READY}, 1))
    assert await storage.read(lambda tx: tx.states.all()) == {ENTITY.id: CREATING.state}
    await storage.write(lambda tx: tx.states.save({ENTITY.id: READY}, 2))
    assert await storage.read(lambda tx: tx.states.observed()) == {ENTITY.id: READY}
    assert await storage.read(lambda tx: tx.states.observed([ENTITY.id])) == {ENTITY.id: READY}
    assert await storage.read(lambda tx: tx.states.observed(["gone"])) == {}


async def test_an_endpoint_that_is_saved_again_keeps_what_was_seen_of_it(storage: Storage) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    await storage.write(lambda tx: tx.states.save({ENTITY.id: READY}, 1))
    await storage.write(lambda tx: tx.endpoints.save(replace(ENDPOINT, description="words")))
    assert await storage.read(lambda tx: tx.states.observed()) == {ENTITY.id: READY}
    assert await storage.read(lambda tx: tx.endpoints.ids_serving([ENTITY.id, "gone"])) == {
        ENDPOINT.id
    }
    await storage.write(lambda tx: tx.endpoints.save(replace(ENDPOINT, entities=())))
    assert await storage.read(lambda tx: tx.states.observed()) == {}
