from databases import Database
from lakeserve.core.ai_gateway import AiGateway, RateLimit


async def test_endpoints_of_the_fourth_schema_stay_and_can_be_governed(database: Database) -> None:
    database.bring_to("0004")
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
    assert found is not None
    assert (found.description, found.ai_gateway) == ("words", None)
    block = AiGateway(rate_limits=(RateLimit(calls=1),))
    await storage.write(lambda tx: tx.endpoints.set_ai_gateway("e", block))
    found = await storage.read(lambda tx: tx.endpoints.with_id("e"))
    assert found is not None
    assert found.ai_gateway == block
    await storage.close()
