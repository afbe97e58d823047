from lakeserve.core.audit import AuditEntry
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ENTRIES = [
    AuditEntry(at, actor, "POST", "/x", "127.0.0.1", 200)
    for at, actor in ((1, "anna"), (2, "bob"), (3, "anna"))
]


async def test_the_newest_rows_come_first(storage: Storage) -> None:
    def work(transaction: Transaction) -> None:
        for entry in ENTRIES:
            transaction.audit.append(entry)

    await storage.write(work)
    rows = await storage.read(lambda tx: tx.audit.newest(2))
    assert [entry for _, entry in rows] == [ENTRIES[2], ENTRIES[1]]
    older = await storage.read(lambda tx: tx.audit.newest(2, before_id=rows[-1][0]))
    assert [entry for _, entry in older] == [ENTRIES[0]]
    annas = await storage.read(lambda tx: tx.audit.newest(9, actor="anna"))
    assert [entry.at for _, entry in annas] == [3, 1]
