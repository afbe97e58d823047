import sqlite3
from contextlib import closing
from pathlib import Path

from lakeserve.core.endpoints import Endpoint
from lakeserve.core.grants import Grant
from lakeserve.storage.database import Storage


async def test_endpoints_of_the_third_schema_stay_and_can_be_granted(migrated: Path) -> None:
    with closing(sqlite3.connect(migrated)) as connection:
        connection.execute("DROP TABLE endpoint_grants")
        connection.execute("ALTER TABLE endpoints DROP COLUMN ai_gateway")
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
        connection.execute(
            "INSERT INTO endpoints VALUES ('e', 'n', 'llm/v1/chat', 'EXTERNAL_MODEL', 'c', 1, 2, 3,"
            " 'words')"
        )
        connection.commit()

    storage = await Storage.open(migrated)
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
