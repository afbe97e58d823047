import asyncio
import builtins
from collections.abc import Callable
from typing import Any

import pytest
from databases import Database
from lakeserve.core.errors import ConfigurationError, Unavailable
from lakeserve.core.identity import Principal
from lakeserve.storage.postgresql import open_postgresql
from postgres_server import PASSWORD, PostgresServer, running_server

SOMEBODY = Principal(id="7", name="a@example.com", display_name="A")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lakeserve.db",
        "mysql://root:s3cret@localhost/lakeserve",
        "postgresql+asyncpg://root:s3cret@localhost/lakeserve",
        "postgresql://root:s3cret@localhost",
        "postgresql://root:s3cret@localhost:port/lakeserve",
        "//root:s3cret",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"accepted: postgresql://USER") as refused:
        open_postgresql(url, 1)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("user", "password", "port", "database", "words"),
    [
        ("postgres", PASSWORD, None, "missing", r'"missing" does not exist\. Create it'),
        ("postgres", "wrong-s3cret", None, "postgres", r"password.*failed.*Check the user"),
        ("nobody", PASSWORD, None, "postgres", r"password.*failed.*Check the user"),
        ("postgres", PASSWORD, 1, "postgres", r"Check that the database server runs"),
    ],
)
def test_a_server_that_refuses(
    postgres_server: PostgresServer,
    user: str,
    password: str,
    port: int | None,
    database: str,
    words: str,
) -> None:
    place = f"127.0.0.1:{port or postgres_server.port}/{database}"
    for url in (
        f"postgresql://{user}:{password}@{place}",
        f"postgres://{user}@{place}?password={password}",
    ):
        with pytest.raises(ConfigurationError, match=words) as refused:
            open_postgresql(url, 1)
        assert "s3cret" not in str(refused.value)
        assert place in str(refused.value)


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    import_it = builtins.__import__

    def import_others(name: str, *arguments: Any) -> Any:
        if name.partition(".")[0] == "psycopg":
            raise ModuleNotFoundError(name)
        return import_it(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", import_others)
    with pytest.raises(ConfigurationError, match=r"pip install 'lakeserve\[postgres\]'"):
        open_postgresql("postgresql://postgres@127.0.0.1/lakeserve", 1)


def test_processes_that_start_together_migrate_once(new_postgres: Callable[[], Database]) -> None:
    database = new_postgres()

    async def start_together() -> None:
        opened = await asyncio.gather(*(database.open() for _ in range(4)))
        for storage in opened:
            await storage.close()

    asyncio.run(start_together())
    assert len(database.rows("SELECT * FROM alembic_version")) == 1


async def test_a_server_that_comes_back_is_used_again() -> None:
    with running_server() as server:
        storage = await Database("postgresql", server.url("postgres")).open()
        await storage.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))
        server.stop()
        for work in (storage.read, storage.write):
            with pytest.raises(Unavailable, match="Check that the database server runs") as gone:
                await work(lambda tx: tx.identity.names())
            assert PASSWORD not in str(gone.value)
        server.start()
        assert await storage.read(lambda tx: tx.identity.names()) == {"7": SOMEBODY.name}
        await storage.write(lambda tx: tx.identity.set_settings_token("7", "digest", 1))
        await storage.close()
