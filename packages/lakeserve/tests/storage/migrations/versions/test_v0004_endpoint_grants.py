from databases import Database
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.grants import Grant


async def test_endpoints_of_the_third_schema_stay_and_can_be_granted(database: Database) -> None:
    database.bring_to("0003")
    database.insert(
        "endpoints",
        id="e",
        name="n",
        task="llm/v1/chat",
        endpoint_type="EXTERNAL_MODEL",
        creator="c",
        created_at=1,
        updated_at=2,
        config_version=3,
        description="words",
    )

    storage = await database.open()
    found = await storage.read(lambda tx: tx.endpoints.with_id("e"))
    assert found == Endpoint(
        "e", "n", "llm/v1/chat", "EXTERNAL_MODEL", "c", 1, 2, (), 3, "words", {}, None, None, ()
    )
    grant = Grant("group", "users", "CAN_QUERY")
    await storage.write(lambda tx: tx.grants.replace("e", [grant]))
    found = await storage.read(lambda tx: tx.endpoints.with_id("e"))
    assert found is not None
    assert found.grants == (grant,)
    await storage.close()
