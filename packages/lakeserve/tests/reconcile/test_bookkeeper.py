"""Journals reach the tables exactly once, whatever happens in between."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from lakeserve.core.errors import Unavailable
from lakeserve.core.ids import now_ms
from lakeserve.core.usage import CallRecord
from lakeserve.reconcile.bookkeeper import Bookkeeper
from lakeserve.storage.database import Storage
from lakeserve.storage.frames import Entry, encode
from lakeserve.storage.journal import JournalFolder, JournalWriter
from lakeserve.storage.payloads import PayloadTables
from reconcile.conftest import Until

CALL = CallRecord("r", None, "e", "chat", "s", "chat-1", "anna", "chat", 200, False, now_ms(), 1.0)


class Desk:
    """A database, a folder of journals and who moves them."""

    def __init__(self, tmp_path: Path, storage: Storage) -> None:
        self.path = tmp_path / "journal"
        self.tables = tmp_path / "tables"
        self.storage = storage
        self.folder = JournalFolder(self.path)
        self.folder.prepare()
        self.writer = JournalWriter(self.path)
        self.observed: list[str] = []
        self.keeper = Bookkeeper(
            storage,
            self.folder,
            PayloadTables(tmp_path / "tables"),
            workspace_id="1",
            retention_days=1,
            observers=[self._observe],
            interval_s=0.02,
        )

    def _observe(self, entries: Sequence[Entry]) -> None:
        self.observed += [entry.call.request_id for entry in entries]

    def write(self, *ids: str, **fields: Any) -> None:
        for each in ids:
            self.writer.append(CALL._replace(request_id=each, **fields), 0.5)

    def payloads(self) -> list[str]:
        table = DeltaTable(str(self.tables / "main/ml/chat_payload"))
        found = table.to_pyarrow_table().to_pylist()
        return sorted(row["databricks_request_id"] for row in found)

    async def calls(self) -> int:
        totals = await self.storage.read(lambda tx: tx.usage.totals("endpoint"))
        return sum(total.calls for total in totals)


@pytest.fixture
def desk(tmp_path: Path, storage: Storage) -> Desk:
    return Desk(tmp_path, storage)


async def test_complete_journals_are_moved_and_open_ones_left(desk: Desk) -> None:
    desk.write("r1", "r2")
    assert await desk.keeper.collect() == 0
    desk.writer.seal()
    desk.write("r3")
    assert await desk.keeper.collect() == 2
    assert await desk.calls() == 2
    assert desk.observed == ["r1", "r2"]
    assert desk.folder.backlog().journals == 1
    desk.writer.seal()


async def test_a_crash_before_the_journal_is_deleted_counts_nothing_twice(desk: Desk) -> None:
    desk.write("r1", "r2")
    desk.writer.seal()
    (path,) = desk.path.iterdir()
    data = path.read_bytes()
    assert await desk.keeper.collect() == 2
    path.write_bytes(data)
    assert await desk.keeper.collect() == 0
    assert (await desk.calls(), list(desk.path.iterdir())) == (2, [])
    assert desk.observed == ["r1", "r2"]


async def test_the_torn_end_of_a_dead_process_is_told(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    frame = encode(CALL, 0.5)
    (desk.path / "1-1-1.journal").write_bytes(frame + frame[:-1])
    assert await desk.keeper.collect() == 1
    assert "never answered whole" in caplog.text


async def test_a_database_that_is_busy_is_tried_again(tmp_path: Path) -> None:
    storage = await Storage.open(tmp_path / "busy.db", busy_timeout_s=0.01)
    desk = Desk(tmp_path, storage)
    desk.write("r1")
    desk.writer.seal()
    with closing(sqlite3.connect(tmp_path / "busy.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await desk.keeper.collect()
        holder.execute("ROLLBACK")
    assert await desk.keeper.collect() == 1
    await storage.close()


async def test_the_loop_moves_and_stopping_moves_the_rest(desk: Desk, until: Until) -> None:
    desk.keeper.start()
    desk.write("r1")
    desk.writer.seal()
    await until(lambda: bool(desk.observed))
    desk.write("r2")
    desk.writer.seal()
    await desk.keeper.stop()
    assert (desk.observed, await desk.calls()) == (["r1", "r2"], 2)
    await desk.keeper.stop()


async def test_old_calls_go_and_their_sums_stay(desk: Desk) -> None:
    desk.write("r1", started_at=CALL.started_at - 3 * 24 * 3600 * 1000)
    desk.write("r2")
    desk.writer.seal()
    await desk.keeper.collect()
    await desk.keeper._prune()
    await desk.keeper._prune()
    left = await desk.storage.write(
        lambda tx: tx.usage.prune(calls_before_ms=2**60, journals_before_ms=0)
    )
    assert (left, await desk.calls()) == (1, 2)


PAYLOADS = {"payload_table": "main.ml.chat_payload", "request": b"{}", "response": b"{}"}


async def test_payloads_go_to_their_table_once(desk: Desk) -> None:
    desk.write("r1", **PAYLOADS)
    desk.write("r2")
    desk.writer.seal()
    (path,) = desk.path.iterdir()
    data = path.read_bytes()
    await desk.keeper.collect()
    path.write_bytes(data)
    await desk.keeper.collect()
    assert (desk.payloads(), await desk.calls()) == (["r1"], 2)
    assert desk.folder.backlog().journals == 0


async def test_a_table_that_cannot_be_written_holds_up_no_usage(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.tables.write_text("in the way")
    desk.write("r1", **PAYLOADS)
    desk.writer.seal()
    desk.write("r2", **PAYLOADS)
    desk.writer.seal()
    desk.write("r3")
    desk.writer.seal()
    assert await desk.keeper.collect() == 3
    assert "2 journals wait for their inference tables" in caplog.text
    assert desk.folder.backlog().journals == 2
    desk.tables.unlink()
    assert await desk.keeper.collect() == 0
    assert (desk.payloads(), await desk.calls()) == (["r1", "r2"], 3)
    assert desk.folder.backlog().journals == 0
