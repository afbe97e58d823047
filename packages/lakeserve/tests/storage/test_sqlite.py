import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.identity import Principal
from lakeserve.storage.database import Storage
from lakeserve.storage.sqlite import open_sqlite

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


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "lakeserve.db"
    path.write_bytes(b"this is no database at all, only words " * 100)
    with pytest.raises(ConfigurationError, match=r"not a database.*Restore a copy"):
        open_sqlite(path, 1)


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"No such file or directory.*--data-dir"):
        open_sqlite(tmp_path / "missing" / "lakeserve.db", 1)


def test_a_file_that_another_program_holds_while_opening(tmp_path: Path) -> None:
    path = tmp_path / "lakeserve.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigurationError, match=r"locked\. Another program holds it; stop"):
            open_sqlite(path, 0.05)
