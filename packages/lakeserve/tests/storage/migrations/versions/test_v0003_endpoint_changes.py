from databases import Database
from lakeserve.core.endpoints import Endpoint, LocalModel, ServedEntity


async def test_endpoints_of_the_second_schema_stay(database: Database) -> None:
    database.bring_to("0002")
    database.insert(
        "endpoints",
        id="e",
        name="n",
        task="llm/v1/chat",
        endpoint_type="CUSTOM_MODEL",
        creator="c",
        created_at=1,
        updated_at=2,
        config_version=3,
        description="words",
    )
    database.insert(
        "served_entities",
        id="s",
        endpoint_id="e",
        position=0,
        name="n",
        backend='{"kind": "local", "reference": "demo"}',
        model_name="m",
        model_description="M.",
        start="eager",
        traffic_percentage=100,
    )

    storage = await database.open()
    entity = ServedEntity("s", "n", LocalModel("demo"), "m", "M.")
    expected = Endpoint(
        "e", "n", "llm/v1/chat", "CUSTOM_MODEL", "c", 1, 2, (entity,), 3, "words", {}, None, None
    )
    assert await storage.read(lambda tx: tx.endpoints.all()) == (expected,)
    await storage.close()
