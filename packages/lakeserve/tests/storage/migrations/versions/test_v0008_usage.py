from databases import Database
from lakeserve.core.usage import CallRecord
from lakeserve.storage.frames import Entry


async def test_a_platform_of_the_schema_before_accounts_from_now_on(database: Database) -> None:
    database.bring_to("0007")
    storage = await database.open()
    assert await storage.read(lambda tx: tx.usage.totals("day")) == ()
    call = CallRecord("r", None, "e", "chat", "s", "chat-1", "anna", "chat", 200, False, 0, 1.5)
    entries = [Entry(call, 0.5)]
    moved = await storage.write(lambda tx: tx.usage.move("j", entries, workspace_id="1", now_ms=1))
    assert moved
    (total,) = await storage.read(lambda tx: tx.usage.totals("user"))
    assert (total.key, total.calls, total.cost) == ("anna", 1, 0.5)
    await storage.close()
