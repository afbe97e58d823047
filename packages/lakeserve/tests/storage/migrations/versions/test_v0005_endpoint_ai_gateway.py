import sqlite3
from contextlib import closing
from pathlib import Path

from lakeserve.core.ai_gateway import AiGateway, RateLimit
from lakeserve.storage.database import Storage


async def test_endpoints_of_the_fourth_schema_stay_and_can_be_governed(migrated: Path) -> None:
    with closing(sqlite3.connect(migrated)) as connection:
        connection.execute("ALTER TABLE endpoints DROP COLUMN ai_gateway")
        connection.execute("UPDATE alembic_version SET version_num = '0004'")
        connection.execute(
            "INSERT INTO endpoints VALUES ('e', 'n', 'llm/v1/chat', 'EXTERNAL_MODEL', 'c', 1, 2, 3,"
            " 'words')"
        )
        connection.commit()

    storage = await Storage.open(migrated)
    found = await storage.read(lambda tx: tx.endpoints.with_id("e"))
    assert found is not None
    assert (found.description, found.ai_gateway) == ("words", None)
    block = AiGateway(rate_limits=(RateLimit(calls=1),))
    await storage.write(lambda tx: tx.endpoints.set_ai_gateway("e", block))
    found = await storage.read(lambda tx: tx.endpoints.with_id("e"))
    assert found is not None
    assert found.ai_gateway == block
    await storage.close()
