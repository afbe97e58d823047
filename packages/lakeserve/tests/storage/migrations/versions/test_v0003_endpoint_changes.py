import sqlite3
from contextlib import closing
from pathlib import Path

from lakeserve.core.endpoints import Endpoint, LocalModel, ServedEntity
from lakeserve.storage.database import Storage


async def test_endpoints_of_the_second_schema_stay(migrated: Path) -> None:
    with closing(sqlite3.connect(migrated)) as connection:
        newer = ("endpoint_tags", "endpoint_notifications", "config_updates", "endpoint_grants")
        for table in newer:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE endpoints DROP COLUMN ai_gateway")
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
        connection.execute(
            "INSERT INTO endpoints VALUES ('e', 'n', 'llm/v1/chat', 'CUSTOM_MODEL', 'c', 1, 2, 3,"
            " 'words')"
        )
        connection.execute(
            "INSERT INTO served_entities VALUES ('s', 'e', 0, 'n', ?, 'm', 'M.', 'eager', 100)",
            ('{"kind": "local", "reference": "demo"}',),
        )
        connection.commit()

    storage = await Storage.open(migrated)
    entity = ServedEntity("s", "n", LocalModel("demo"), "m", "M.")
    expected = Endpoint(
        "e", "n", "llm/v1/chat", "CUSTOM_MODEL", "c", 1, 2, (entity,), 3, "words", {}, None, None
    )
    assert await storage.read(lambda tx: tx.endpoints.all()) == (expected,)
    await storage.close()
