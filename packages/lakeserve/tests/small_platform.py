"""Storage, control plane and reconciler without workers and server, for rough handling."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakeserve.control.endpoints.requests import ConfigInput, CreateInput
from lakeserve.control.endpoints.service import EndpointService
from lakeserve.control.secrets.keys import open_key_ring
from lakeserve.control.secrets.service import SecretService
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.endpoints import Endpoint, Target
from lakeserve.core.guardrails import Abilities
from lakeserve.core.identity import Principal
from lakeserve.reconcile.supervisor import Supervisor
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.workers.fake import FakeRunner

OWNER = Principal("1001", "owner@example.com", "Owner", admin=True)
NAME = "mine"


def config(number: int, secret: str | None = None) -> dict[str, Any]:
    """A config whose model and key both carry its number; the key may be a reference."""
    given = {"openai_api_key_plaintext": f"key-{number}"}
    if secret is not None:
        given = {"openai_api_key": secret}
    model = {"name": f"model-{number}", "provider": "openai", "task": "llm/v1/chat"}
    return {"served_entities": [{"external_model": {**model, "openai_config": given}}]}


@dataclass
class SmallPlatform:
    """The parts."""

    storage: Storage
    supervisor: Supervisor
    endpoints: EndpointService
    secrets: SecretService

    async def create(self) -> None:
        await self.storage.write(lambda tx: tx.identity.save_user(OWNER, 1))
        given = CreateInput.model_validate({"name": NAME, "config": config(0)})
        await self.endpoints.create(given, OWNER)

    async def update(self, number: int, secret: str | None = None) -> None:
        """Ask for another config; it comes into force afterwards."""
        given = ConfigInput.model_validate(config(number, secret))
        await self.endpoints.update_config(NAME, given, OWNER)

    async def stored(self) -> Endpoint:
        found = await self.storage.read(lambda tx: tx.endpoints.find(NAME))
        assert found is not None
        return found

    @property
    def target(self) -> Target:
        """Where a call would go now."""
        (only,) = self.supervisor.snapshot().endpoints[NAME].targets
        return only

    @property
    def serves(self) -> int:
        """The number of the config that serves. It serves whole: the model with its own key."""
        target = self.target
        assert target.failure is None, target.failure
        number = int(target.upstream_model.removeprefix("model-"))
        assert target.credential == f"key-{number}"
        return number


@asynccontextmanager
async def small_platform(data_dir: Path, place: Path | str) -> AsyncIterator[SmallPlatform]:
    """Start one on a database; it is stopped at the end."""
    settings = Settings(data_dir=data_dir)
    storage = await Storage.open(place, busy_timeout_s=1)
    vault = Vault(storage, await open_key_ring(storage, settings))
    supervisor = Supervisor(storage, FakeRunner(), settings, vault)
    await supervisor.start()
    try:
        endpoints = EndpointService(storage, vault, supervisor, Abilities())
        yield SmallPlatform(storage, supervisor, endpoints, SecretService(storage, vault))
    finally:
        await supervisor.stop(0.0)
        await storage.close()
