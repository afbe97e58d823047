from databases import Database


async def test_states_of_the_sixth_schema_stay_and_changes_begin(database: Database) -> None:
    database.bring_to("0006")
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
    database.insert(
        "entity_states", entity_id="s", deployment="DEPLOYMENT_READY", message="", updated_at=1
    )

    storage = await database.open()
    seen = await storage.read(lambda tx: tx.states.observed())
    assert (seen["s"].state.deployment, seen["s"].addresses) == ("DEPLOYMENT_READY", ())
    assert await storage.read(lambda tx: tx.changes.revision()) == 0
    await storage.write(lambda tx: tx.endpoints.set_tags("e", {"a": "b"}))
    assert await storage.read(lambda tx: tx.changes.revision()) == 1
    await storage.close()
