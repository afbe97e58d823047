import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from lakeserve.core.errors import ConfigurationError, Unavailable
from lakeserve.core.identity import Principal
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

SOMEBODY = Principal(id="7", name="a@example.com", display_name="A")


async def test_a_new_file_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "lakeserve.db"
    storage = await Storage.open(path)
    await storage.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))

    for file in (path, path.with_name("lakeserve.db-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await storage.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_facts_survive_closing(tmp_path: Path) -> None:
    path = tmp_path / "lakeserve.db"
    first = await Storage.open(path)
    await first.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))
    await first.write(lambda tx: tx.identity.set_settings_token("7", "digest", 1))
    await first.close()

    second = await Storage.open(path)
    assert await second.read(lambda tx: tx.identity.principals(2)) == {"digest": SOMEBODY}
    await second.close()


async def test_a_failing_write_changes_nothing(storage: Storage) -> None:
    def work(transaction: Transaction) -> None:
        transaction.identity.save_user(SOMEBODY, 1)
        transaction.identity.set_settings_token("7", "digest", 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await storage.write(work)
    assert await storage.read(lambda tx: tx.identity.principals(2)) == {}


async def test_a_reference_to_nothing_is_refused(storage: Storage) -> None:
    with pytest.raises(Unavailable, match="FOREIGN KEY"):
        await storage.write(lambda tx: tx.identity.set_settings_token("none", "digest", 1))


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "lakeserve.db"
    path.write_bytes(b"this is no database at all, only words " * 100)
    with pytest.raises(ConfigurationError, match=r"not a database.*Restore a copy"):
        await Storage.open(path)


async def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"No such file or directory.*--data-dir"):
        await Storage.open(tmp_path / "missing" / "lakeserve.db")


async def test_a_file_that_another_program_holds_while_opening(tmp_path: Path) -> None:
    path = tmp_path / "lakeserve.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigurationError, match=r"locked\. Stop the program that holds it"):
            await Storage.open(path, busy_timeout_s=0.05)


async def test_a_file_that_another_program_holds_later(tmp_path: Path) -> None:
    path = tmp_path / "lakeserve.db"
    storage = await Storage.open(path, busy_timeout_s=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="database is locked") as refused:
            await storage.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))
        assert refused.value.headers() == [("retry-after", "5")]
        assert "INSERT" not in refused.value.message
        assert await storage.read(lambda tx: tx.endpoints.all()) == ()  # readers are not held up
    await storage.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))
    await storage.close()


async def test_a_table_that_is_gone(storage: Storage, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "lakeserve.db")) as other:
        other.execute("DROP TABLE clusters")
    with pytest.raises(Unavailable, match="no such table: clusters"):
        await storage.read(lambda tx: tx.clusters.all())
