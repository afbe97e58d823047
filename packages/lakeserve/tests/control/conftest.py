import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from lakeserve.control.app import create_control_app
from lakeserve.control.bootstrap import ADMINISTRATOR, apply_settings
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.crypto import KeyRing, new_master_key
from lakeserve.core.endpoints import EntityState
from lakeserve.core.identity import DEVELOPMENT_TOKEN, token_digest
from lakeserve.core.ids import now_ms
from lakeserve.core.ports import Snapshot
from lakeserve.core.signed_tokens import SignedTokenReader
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage


class FakeDirectory:
    """Knows the development token, and after a refresh what is stored."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._snapshot = Snapshot(principals={token_digest(DEVELOPMENT_TOKEN): ADMINISTRATOR})

    def snapshot(self) -> Snapshot:
        return self._snapshot

    async def refresh_principals(self) -> None:
        principals, subjects, keys, owners = await self._storage.read(
            lambda tx: (
                tx.identity.principals(now_ms()),
                tx.identity.service_principals(),
                tx.keys.signing_keys(),
                tx.accounts.secret_owners(),
            )
        )
        public = {key.id: key.public_key for key, _ in keys}
        signed = SignedTokenReader(public, subjects, owners)
        self._snapshot = Snapshot(principals=principals, signed=signed)


class FakeStates:
    """Says what a test wants it to have seen."""

    def __init__(self) -> None:
        self.seen: dict[str, EntityState] = {}
        self.logs: dict[str, str] = {}

    def states(self) -> Mapping[str, EntityState]:
        return self.seen

    def build_log(self, entity_id: str) -> str | None:
        return self.logs.get(f"build {entity_id}")

    def log(self, entity_id: str) -> str | None:
        return self.logs.get(entity_id)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the newest schema, so that each test need not run the migrations."""
    path = tmp_path_factory.mktemp("empty") / "lakeserve.db"

    async def create() -> None:
        await (await Storage.open(path)).close()

    asyncio.run(create())
    return path


@pytest.fixture
async def storage(tmp_path: Path, empty_database: Path) -> AsyncIterator[Storage]:
    shutil.copy(empty_database, tmp_path / "lakeserve.db")
    opened = await Storage.open(tmp_path / "lakeserve.db")
    yield opened
    await opened.close()


@pytest.fixture
def states() -> FakeStates:
    return FakeStates()


class FakeMetrics:
    """Says whose metrics were asked for."""

    def platform(self) -> bytes:
        return b"platform 1\n"

    def endpoint(self, endpoint_id: str) -> bytes:
        return f'endpoint{{id="{endpoint_id}"}} 1\n'.encode()


class FakeChanges:
    """Counts what it hears of."""

    def __init__(self) -> None:
        self.heard = 0

    async def endpoints_changed(self) -> None:
        self.heard += 1

    async def clusters_changed(self) -> None:
        self.heard += 1


@pytest.fixture
def changes() -> FakeChanges:
    return FakeChanges()


@pytest.fixture
def vault(storage: Storage) -> Vault:
    return Vault(storage, KeyRing([new_master_key()], "the test"))


@pytest.fixture
async def app(
    storage: Storage, states: FakeStates, tmp_path: Path, vault: Vault, changes: FakeChanges
) -> FastAPI:
    settings = Settings(data_dir=tmp_path, workspace_id="4711")
    await apply_settings(storage, settings)
    directory = FakeDirectory(storage)
    return create_control_app(storage, directory, states, settings, vault, changes, FakeMetrics())


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://lake.test:8400") as client:
        yield client


@pytest.fixture
async def client(stranger: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client with the administrator's token."""
    stranger.headers["authorization"] = f"Bearer {DEVELOPMENT_TOKEN}"
    return stranger
