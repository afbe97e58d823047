from lakeserve.core.endpoints import Endpoint, EntityState, LocalModel, ServedEntity
from lakeserve.storage.database import Storage

ENTITY = ServedEntity("1" * 32, "entity", LocalModel("demo"), "m", "M.")
ENDPOINT = Endpoint(
    "e" * 32, "name", "llm/v1/chat", "CUSTOM_MODEL", "a@example.com", 1, 1, (ENTITY,)
)
CREATING = EntityState("DEPLOYMENT_CREATING", "Starting")
READY = EntityState("DEPLOYMENT_READY")


async def test_the_newest_state_is_kept_and_strangers_are_left_out(storage: Storage) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    await storage.write(lambda tx: tx.states.save({ENTITY.id: CREATING, "gone": READY}, 1))
    assert await storage.read(lambda tx: tx.states.all()) == {ENTITY.id: CREATING}
    await storage.write(lambda tx: tx.states.save({ENTITY.id: READY}, 2))
    assert await storage.read(lambda tx: tx.states.all()) == {ENTITY.id: READY}
