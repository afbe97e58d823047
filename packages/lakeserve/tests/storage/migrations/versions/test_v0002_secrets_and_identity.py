from databases import Database
from lakeserve.core.identity import Principal


async def test_users_and_tokens_of_the_first_schema_stay(database: Database) -> None:
    database.bring_to("0001")
    database.insert(
        "users", id="7", name="a@example.com", display_name="A", admin=True, created_at=5
    )
    for digest in ("first", "second"):
        database.insert(
            "tokens", digest=digest, user_id="7", origin="settings", comment="words", created_at=5
        )

    storage = await database.open()
    somebody = Principal("7", "a@example.com", "A", admin=True)
    assert await storage.read(lambda tx: tx.identity.principals(6)) == {
        "first": somebody,
        "second": somebody,
    }
    await storage.close()
    rows = database.rows("SELECT id, created_by, created_at FROM tokens")
    assert [row[1:] for row in rows] == [("7", 5), ("7", 5)]
    assert len({row[0] for row in rows}) == 2
    ((kind, active),) = database.rows("SELECT kind, active FROM users")
    assert (kind, bool(active)) == ("user", True)
