import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from databases import KINDS, Database
from lakeserve.storage.database import Storage


@pytest.fixture(scope="session")
def sqlite_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the newest schema, so that each test need not run the migrations."""
    path = tmp_path_factory.mktemp("model") / "lakeserve.db"
    _migrate(Database("sqlite", path))
    return path


@pytest.fixture(scope="session")
def postgres_model(new_postgres: Callable[..., Database]) -> str:
    """The name of a database of the newest schema."""
    made = new_postgres()
    _migrate(made)
    return urlsplit(str(made.place)).path.strip("/")


@pytest.fixture(params=KINDS)
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database of each kind that was brought to the newest schema and closed."""
    if request.param == "sqlite":
        model: Path = request.getfixturevalue("sqlite_model")
        return Database("sqlite", Path(shutil.copy(model, tmp_path / "lakeserve.db")))
    name: str = request.getfixturevalue("postgres_model")
    make: Callable[..., Database] = request.getfixturevalue("new_postgres")
    return make(name)


@pytest.fixture
async def storage(migrated: Database) -> AsyncIterator[Storage]:
    opened = await migrated.open()
    yield opened
    await opened.close()


def _migrate(database: Database) -> None:
    async def open_and_close() -> None:
        await (await database.open()).close()

    asyncio.run(open_and_close())
