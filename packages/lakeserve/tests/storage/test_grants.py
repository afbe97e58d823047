from dataclasses import replace

from databases import Database
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.grants import Grant
from lakeserve.storage.database import Storage

ANNA = Grant("user", "anna@example.com", "CAN_VIEW")
TEAM = Grant("group", "team", "CAN_QUERY")
ROBOT = Grant("service_principal", "robot", "CAN_MANAGE")
ENDPOINT = Endpoint(
    "e" * 32, "n", "llm/v1/chat", "EXTERNAL_MODEL", "c", 1, 2, (), grants=(TEAM, ROBOT, ANNA)
)


async def grants(storage: Storage) -> tuple[Grant, ...]:
    found = await storage.read(lambda tx: tx.endpoints.with_id(ENDPOINT.id))
    assert found is not None
    return found.grants


async def test_grants_come_and_go_with_their_endpoint(storage: Storage, migrated: Database) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    assert await storage.read(lambda tx: tx.endpoints.find("n")) == ENDPOINT
    assert await storage.read(lambda tx: tx.endpoints.all()) == (ENDPOINT,)
    assert await storage.read(lambda tx: tx.endpoints.with_id("another")) is None
    # A config that comes into force saves the whole endpoint.
    await storage.write(lambda tx: tx.endpoints.save(replace(ENDPOINT, config_version=2)))
    assert await grants(storage) == (TEAM, ROBOT, ANNA)

    raised = replace(ANNA, level="CAN_MANAGE")
    await storage.write(lambda tx: tx.grants.replace(ENDPOINT.id, [raised]))
    assert await grants(storage) == (raised,)
    await storage.write(lambda tx: tx.endpoints.delete(ENDPOINT.id))
    assert migrated.rows("SELECT * FROM endpoint_grants") == []


async def test_principals_are_forgotten_and_renamed_by_their_kind(storage: Storage) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    await storage.write(lambda tx: tx.grants.forget("group", ANNA.name))
    await storage.write(lambda tx: tx.grants.rename_group(ANNA.name, "nobody"))
    assert await grants(storage) == (TEAM, ROBOT, ANNA)
    await storage.write(lambda tx: tx.grants.forget("user", ANNA.name))
    await storage.write(lambda tx: tx.grants.rename_group("team", "crew"))
    assert await grants(storage) == (replace(TEAM, name="crew"), ROBOT)
