import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import pytest
from databases import Database
from lakeserve.core.errors import InvalidParameter, Unavailable
from lakeserve.core.identity import Principal
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage, open_storage
from lakeserve.storage.transaction import Transaction

SOMEBODY = Principal(id="7", name="a@example.com", display_name="A")


@pytest.fixture
async def other(migrated: Database) -> AsyncIterator[Storage]:
    """The same database, as another process has it open; it does not wait long."""
    opened = await migrated.open(busy_timeout_s=0.05)
    yield opened
    await opened.close()


async def test_facts_survive_closing(migrated: Database) -> None:
    first = await migrated.open()
    await first.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))
    await first.write(lambda tx: tx.identity.set_settings_token("7", "digest", 1))
    await first.close()

    second = await migrated.open()
    assert await second.read(lambda tx: tx.identity.principals(2)) == {"digest": SOMEBODY}
    await second.close()


async def test_the_settings_name_the_database(database: Database) -> None:
    directory = getattr(database.place, "parent", ".")
    url = database.place if database.kind == "postgresql" else None
    settings = Settings.model_validate({"data_dir": directory, "database_url": url})
    opened = await open_storage(settings)
    await opened.close()
    assert database.rows("SELECT * FROM users") == []


async def test_a_failing_write_changes_nothing(storage: Storage) -> None:
    def work(transaction: Transaction) -> None:
        transaction.identity.save_user(SOMEBODY, 1)
        transaction.identity.set_settings_token("7", "digest", 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await storage.write(work)
    assert await storage.read(lambda tx: tx.identity.principals(2)) == {}


async def test_a_reference_to_nothing_is_refused(storage: Storage) -> None:
    with pytest.raises(Unavailable, match=r"(?i)foreign key"):
        await storage.write(lambda tx: tx.identity.set_settings_token("none", "digest", 1))


async def test_a_table_that_is_gone(
    storage: Storage, migrated: Database, caplog: pytest.LogCaptureFixture
) -> None:
    migrated.execute("DROP TABLE clusters")
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(Unavailable, match=r"no such table: clusters|\"clusters\" does not exist"),
    ):
        await storage.read(lambda tx: tx.clusters.all())
    assert "s3cret" not in caplog.text


async def test_writers_wait_for_each_other(storage: Storage, other: Storage) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(transaction: Transaction) -> None:
        transaction.identity.save_user(SOMEBODY, 1)
        begun.set()
        go_on.wait(10)

    first = asyncio.create_task(storage.write(slowly))
    await asyncio.to_thread(begun.wait, 10)
    with pytest.raises(Unavailable, match=r"lock.*Nothing was changed\. Another program") as busy:
        await other.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))
    assert busy.value.headers() == [("retry-after", "5")]
    assert "INSERT" not in busy.value.message
    # Readers are not held up, and see nothing of what is unfinished.
    assert await other.read(lambda tx: tx.identity.names()) == {}
    go_on.set()
    await first
    await other.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))
    assert await storage.read(lambda tx: tx.identity.names()) == {"7": SOMEBODY.name}


async def test_what_a_writer_has_checked_stays_true(storage: Storage, migrated: Database) -> None:
    other = await migrated.open()

    def add_one(transaction: Transaction) -> None:
        count = len(transaction.identity.names())
        user = Principal(id=str(count), name=f"user {count}", display_name="")
        transaction.identity.save_user(user, 1)

    await asyncio.gather(*(each.write(add_one) for each in (storage, other) * 10))
    assert len(await storage.read(lambda tx: tx.identity.names())) == 20
    await other.close()


async def test_a_reader_sees_one_moment(storage: Storage, migrated: Database) -> None:
    other = await migrated.open()
    begun, go_on = threading.Event(), threading.Event()

    def twice(transaction: Transaction) -> tuple[dict[str, str], dict[str, str]]:
        first = transaction.identity.names()
        begun.set()
        go_on.wait(10)
        return first, transaction.identity.names()

    reading = asyncio.create_task(storage.read(twice))
    await asyncio.to_thread(begun.wait, 10)
    await other.write(lambda tx: tx.identity.save_user(SOMEBODY, 1))
    go_on.set()
    assert await reading == ({}, {})
    await other.close()


async def test_a_value_that_does_not_fit(storage: Storage, migrated: Database) -> None:
    long_name = Principal("7", "a" * 300, "")
    if migrated.kind == "sqlite":  # which keeps texts of any length
        await storage.write(lambda tx: tx.identity.save_user(long_name, 1))
        assert await storage.read(lambda tx: tx.identity.names()) == {"7": long_name.name}
        return
    with pytest.raises(InvalidParameter, match=r"too long.*Nothing was changed"):
        await storage.write(lambda tx: tx.identity.save_user(long_name, 1))
