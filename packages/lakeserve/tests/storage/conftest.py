from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lakeserve.storage.database import Storage


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = await Storage.open(tmp_path / "lakeserve.db")
    yield opened
    await opened.close()


@pytest.fixture
async def migrated(tmp_path: Path) -> Path:
    """A database file that was brought to the newest schema and closed."""
    storage = await Storage.open(tmp_path / "lakeserve.db")
    await storage.close()
    return tmp_path / "lakeserve.db"
