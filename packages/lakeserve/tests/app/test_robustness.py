"""An update that meets a full disk, a locked database, another update, or a deleted secret."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from databases import Database
from lakeserve.core.errors import ResourceConflict, Unavailable
from small_platform import OWNER, SmallPlatform, small_platform

REFERENCE = "{{secrets/scope/key}}"


@pytest.fixture
async def platform(tmp_path: Path, database: Database) -> AsyncIterator[SmallPlatform]:
    async with small_platform(tmp_path, database.place) as started:
        await started.create()
        await until(lambda: started.target.failure is None)
        yield started


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to that")


async def settled(platform: SmallPlatform) -> str | None:
    """Wait until no update goes on; why the last one failed."""
    for _ in range(3000):
        update = (await platform.stored()).update
        if update is None or update.failure is not None:
            return None if update is None else update.failure
        await asyncio.sleep(0.005)
    raise AssertionError("the update does not end")


async def restarted(tmp_path: Path, database: Database) -> int:
    """What serves after a start on what is stored."""
    async with small_platform(tmp_path, database.place) as again:
        return again.serves


async def test_of_two_updates_at_once_one_is_refused(platform: SmallPlatform) -> None:
    for first in (1, 3, 5):
        results = await asyncio.gather(
            platform.update(first), platform.update(first + 1), return_exceptions=True
        )
        refused = [each for each in results if each is not None]
        # The second may also have come when the first was in force already.
        assert all(isinstance(each, ResourceConflict) for each in refused)
        assert len(refused) < 2
        assert await settled(platform) is None
        wanted = first if isinstance(results[1], ResourceConflict) else first + 1
        await until(lambda wanted=wanted: platform.serves == wanted)  # type: ignore[misc]


async def test_while_an_update_is_deployed_another_is_refused(platform: SmallPlatform) -> None:
    await platform.supervisor._deployments.stop()  # so that the first one stays on its way
    await platform.update(1)
    with pytest.raises(ResourceConflict, match="is being updated"):
        await platform.update(2)
    assert platform.serves == 0


@contextmanager
def full(platform: SmallPlatform) -> Iterator[None]:
    """Let SQLite's file grow no more; each page that is free is taken first."""
    engine = platform.storage._opened.engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    yield
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")


async def test_a_full_disk(
    tmp_path: Path, platform: SmallPlatform, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.kind == "postgresql":
        pytest.skip("the disk of a server is filled in its own way; the answer is the same")
    monkeypatch.setattr("lakeserve.reconcile.deployments.RETRY_S", 0.05)
    await platform.secrets.create_scope(OWNER, "scope", None)
    asked = 0
    with full(platform):
        with pytest.raises(Unavailable) as refused:
            await platform.secrets.put(OWNER, "scope", "key", b"x" * 100_000)
        for asked in range(1, 100):
            try:
                await platform.update(asked)
            except (Unavailable, ResourceConflict):  # the one before may wait for room
                break
            await asyncio.sleep(0.05)
            assert platform.serves in {asked - 1, asked}
    assert "database or disk is full. Nothing was changed. Free some disk" in str(refused.value)
    assert await platform.secrets.facts(OWNER, "scope") == ()
    assert await settled(platform) is None
    await until(lambda: platform.serves in {asked - 1, asked})
    await platform.update(asked + 1)
    await until(lambda: platform.serves == asked + 1)
    assert await settled(platform) is None
    assert await restarted(tmp_path, database) == asked + 1


async def test_a_locked_database(
    tmp_path: Path, platform: SmallPlatform, database: Database
) -> None:
    lock = "BEGIN IMMEDIATE" if database.kind == "sqlite" else "LOCK config_updates, data_keys"
    with database.connection() as other:
        other.exec_driver_sql(lock)
        with pytest.raises(Unavailable, match=r"lock.*Nothing was changed\. Another program"):
            await platform.update(1)
        assert platform.serves == 0
    assert (await platform.stored()).config_version == 1
    await platform.update(2)
    await until(lambda: platform.serves == 2)
    assert await settled(platform) is None
    assert await restarted(tmp_path, database) == 2


async def test_a_deleted_secret(
    tmp_path: Path, platform: SmallPlatform, database: Database
) -> None:
    await platform.secrets.create_scope(OWNER, "scope", None)
    await platform.secrets.put(OWNER, "scope", "key", b"key-1")
    await platform.update(1, REFERENCE)
    await until(lambda: platform.serves == 1)

    await platform.secrets.delete(OWNER, "scope", "key")
    await platform.update(2, REFERENCE)
    failure = await settled(platform)
    assert failure is not None
    assert "Secret does not exist with scope: scope and key: key" in failure
    # The old config serves with what it was deployed with.
    assert platform.serves == 1
    assert (await platform.stored()).config_version == 2

    await platform.secrets.put(OWNER, "scope", "key", b"key-3")
    await platform.update(3, REFERENCE)
    await until(lambda: platform.serves == 3)
    assert await restarted(tmp_path, database) == 3
