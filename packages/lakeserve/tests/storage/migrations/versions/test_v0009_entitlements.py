from dataclasses import replace

from databases import Database
from lakeserve.core.accounts import Account


async def test_accounts_keep_what_they_usually_have_and_can_get_more(database: Database) -> None:
    database.bring_to("0008")
    database.insert(
        "users",
        id="7",
        name="anna",
        display_name="Anna",
        admin=False,
        created_at=5,
        kind="user",
        active=True,
    )
    storage = await database.open()
    anna = Account("7", "user", "anna", "Anna", 5, entitlements=("workspace-access",))
    assert await storage.read(lambda tx: tx.accounts.find("7")) == anna
    more = replace(anna, entitlements=("a", "b"), roles=("c",))
    await storage.write(lambda tx: tx.accounts.save(more))
    assert await storage.read(lambda tx: tx.accounts.find("7")) == more
    await storage.close()
