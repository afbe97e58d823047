import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from lakeserve.core.identity import Principal
from lakeserve.storage.database import Storage
from sqlalchemy import create_engine


def bring_to(path: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "lakeserve.storage:migrations")
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


async def test_users_and_tokens_of_the_first_schema_stay(tmp_path: Path) -> None:
    path = tmp_path / "lakeserve.db"
    bring_to(path, "0001")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO users VALUES ('7', 'a@example.com', 'A', 1, 5)")
        for digest in ("first", "second"):
            connection.execute(
                "INSERT INTO tokens VALUES (?, '7', 'settings', 'words', 5, NULL)", (digest,)
            )
        connection.commit()

    storage = await Storage.open(path)
    somebody = Principal("7", "a@example.com", "A", admin=True)
    assert await storage.read(lambda tx: tx.identity.principals(6)) == {
        "first": somebody,
        "second": somebody,
    }
    await storage.close()
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT id, created_by, created_at FROM tokens").fetchall()
        users = connection.execute("SELECT kind, active FROM users").fetchall()
    assert [row[1:] for row in rows] == [("7", 5), ("7", 5)]
    assert len({row[0] for row in rows}) == 2
    assert users == [("user", 1)]
