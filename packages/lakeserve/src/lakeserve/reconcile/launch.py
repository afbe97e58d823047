"""From a wanted entity to a started worker."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from lakeserve.core.endpoints import LocalModel, ServedEntity
from lakeserve.settings import Settings
from lakeserve.workers.models import ModelFile, resolve
from lakeserve.workers.protocols import Runner, Worker, WorkerSpec

# From a model's reference and the data directory to its file. Blocks: it may convert a model.
Resolve = Callable[[str, Path], ModelFile]

Launch = Callable[[], Awaitable[Worker]]


class Launcher:
    """Starts workers for local entities.

    Models are resolved one at a time, so that two entities that share one do not both convert it.
    """

    def __init__(
        self,
        runner: Runner,
        settings: Settings,
        socket_dir: Path,
        resolve_model: Resolve = resolve,
    ) -> None:
        self._runner = runner
        self._settings = settings
        self._socket_dir = socket_dir
        self._resolve = resolve_model
        self._one_at_a_time = asyncio.Lock()

    def for_entity(
        self, entity: ServedEntity, backend: LocalModel
    ) -> Callable[[], Awaitable[Worker]]:
        """What starts a worker for this entity each time it is called."""

        async def launch() -> Worker:
            return await self._launch(entity, backend)

        return launch

    async def _launch(self, entity: ServedEntity, backend: LocalModel) -> Worker:
        data_dir = self._settings.data_dir
        async with self._one_at_a_time:
            model = await asyncio.to_thread(self._resolve, backend.reference, data_dir)
        logs = data_dir / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        spec = WorkerSpec(
            entity_id=entity.id,
            model_name=entity.model_name,
            kind=model.kind,
            model_path=model.path,
            engine=self._settings.engine,
            socket_dir=self._socket_dir,
            log_path=logs / f"{entity.name}.log",
        )
        return await self._runner.start(spec)
