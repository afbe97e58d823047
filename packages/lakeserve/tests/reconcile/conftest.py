import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from lakeserve.core.endpoints import (
    Address,
    Endpoint,
    LocalModel,
    OpenAICompatible,
    ServedEntity,
    StartPolicy,
)
from lakeserve.core.errors import InvalidParameter
from lakeserve.foundation_settings import Upstream
from lakeserve.reconcile.pace import Pace
from lakeserve.reconcile.supervisor import Supervisor
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction
from lakeserve.workers.fake import FakeRunner
from lakeserve.workers.models import ModelFile
from lakeserve.workers.protocols import ModelKind

QUICK = Pace(first_pause_s=0.01, longest_pause_s=0.05, attempts=3, stable_s=60)

Until = Callable[[Callable[[], bool]], Awaitable[None]]


def entity(name: str, start: StartPolicy = "eager") -> ServedEntity:
    return ServedEntity(f"{name}-entity", name, LocalModel(name), f"model of {name}", "M.", start)


def endpoint(name: str, *entities: ServedEntity) -> Endpoint:
    return Endpoint(
        f"{name}-id", name, "llm/v1/chat", "FOUNDATION_MODEL_API", "System-User", 1, 1, entities
    )


ELSEWHERE = ServedEntity(
    "elsewhere-entity", "elsewhere", OpenAICompatible("https://host/v1", "m"), "m", "M."
)
ENDPOINTS = (
    endpoint("first", entity("first")),
    endpoint("second", entity("second")),
    endpoint("lazy", entity("lazy", "on-demand")),
    endpoint("elsewhere", ELSEWHERE),
)


def save_endpoints(transaction: Transaction) -> None:
    for each in ENDPOINTS:
        transaction.endpoints.save(each)


class Models:
    """Resolves every reference, unless a test says why not."""

    def __init__(self) -> None:
        self.broken: dict[str, Exception] = {}
        self.embedding: set[str] = set()

    async def __call__(self, reference: str, data_dir: Path) -> ModelFile:
        if reference in self.broken:
            raise self.broken[reference]
        kind: ModelKind = "embedding" if reference in self.embedding else "chat"
        return ModelFile(data_dir / reference, kind, reference, "A model.")


class Secrets:
    """Knows the values that a test gives, by reference; a sealed value is its own ciphertext."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.error: Exception | None = None

    async def resolve(self, reference: str, creator: str) -> str:
        if self.error is not None:
            raise self.error
        if reference not in self.known:
            raise InvalidParameter(f"no secret {reference} for {creator}")
        return self.known[reference]

    async def seal(self, value: str) -> str:
        return value

    async def unseal(self, ciphertext: str) -> str:
        return ciphertext


async def somebody_listens(_address: Address) -> bool:
    return True


@pytest.fixture
def until() -> Until:
    """Waits until something is true, at most two seconds."""

    async def wait(condition: Callable[[], bool]) -> None:
        for _ in range(400):
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("it did not come true within two seconds")

    return wait


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner(address=Address(uds="/run/worker.sock"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    upstream = Upstream.model_validate({"url": "https://host/v1", "api_key": "sk-secret"})
    return Settings(data_dir=tmp_path, foundation={"elsewhere": upstream})


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = await Storage.open(tmp_path / "lakeserve.db")
    await opened.write(save_endpoints)
    yield opened
    await opened.close()


@pytest.fixture
async def supervisor(
    storage: Storage, runner: FakeRunner, settings: Settings, models: Models, secrets: Secrets
) -> AsyncIterator[Supervisor]:
    made = Supervisor(
        storage, runner, settings, secrets, pace=QUICK, resolve_model=models, probe=somebody_listens
    )
    yield made
    await made.stop(0.0)
