"""From a registered model to a worker that can be started: its files, environment and variables."""

from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from lakeserve.core.endpoints import RegisteredModel, ServedEntity, Task
from lakeserve.core.ports import SecretResolver
from lakeserve.core.secrets import is_reference
from lakeserve.reconcile.isolation import ModelIsolation
from lakeserve.settings import Settings
from lakeserve.workers.batching import batching_of
from lakeserve.workers.environments import Environments
from lakeserve.workers.logs import tail
from lakeserve.workers.mlflow_models import read_model
from lakeserve.workers.mlflow_program import MlflowProgram
from lakeserve.workers.mlflow_store import ModelStore
from lakeserve.workers.protocols import Resources, WorkerSpec

Tell = Callable[[str], None]

LONGEST_SHOWN_LOG = 1024 * 1024

# What a worker takes of a cluster, by ``workload_type``.
RESOURCES: Mapping[str, Resources] = {
    "CPU": Resources(1),
    "CPU_MEDIUM": Resources(2),
    "CPU_LARGE": Resources(4),
    "GPU_SMALL": Resources(1, 1),
    "GPU_MEDIUM": Resources(1, 1),
    "GPU_LARGE": Resources(1, 1),
    "GPU_XLARGE": Resources(1, 1),
    "GPU_XLARGE_8": Resources(8, 8),
    "MULTIGPU_MEDIUM": Resources(4, 4),
}

# What MLflow and code of models read to know that a model is served.
_SERVED = {"_MLFLOW_IS_IN_SERVING_ENVIRONMENT": "true"}


class CustomModels:
    """Prepares workers of registered models.

    Args:
        settings: Where things lie and what they may take.
        secrets: Knows the values of referenced variables.

    Attributes:
        tasks: By entity id, for every model that was read; None for one without a task.
    """

    def __init__(self, settings: Settings, secrets: SecretResolver) -> None:
        place = settings.data_dir / "mlflow"
        allowed = (*settings.models_dirs, settings.data_dir / "models")
        self.tasks: dict[str, Task | None] = {}
        self._settings = settings
        self._secrets = secrets
        self._store = ModelStore(place, allowed, settings.mlflow)
        self._isolation = ModelIsolation(settings)
        self._environments = Environments(
            place / "environments", settings.mlflow, settings.model_isolation
        )
        self._build_logs: dict[str, Path] = {}
        self._logs: dict[str, Path] = {}

    async def spec(
        self,
        entity: ServedEntity,
        model: RegisteredModel,
        creator: str,
        tell: Tell,
        concurrency: int,
    ) -> WorkerSpec:
        """What a worker of an entity needs, made first if need be.

        Args:
            entity: What is wanted.
            model: Its backend.
            creator: Whose right to read secrets counts.
            tell: Hears what is being done.
            concurrency: Requests that it answers at the same time.

        Raises:
            LakeserveError: Something is missing or cannot be made; the text says what.
        """
        variables = await self._variables(model, creator)
        described = read_model(await self._store.files(model, tell))
        self.tasks[entity.id] = described.task
        self._build_logs[entity.id] = self._environments.log_path(described)
        interpreter = await self._environments.interpreter(described, tell)
        tell(f"Loading {entity.model_name}")
        data_dir, limits = self._settings.data_dir, self._settings.mlflow
        log_path = data_dir / "logs" / f"{entity.name}-{entity.id[:8]}.log"
        self._logs[entity.id] = log_path
        program = MlflowProgram(
            interpreter=interpreter,
            model_dir=described.directory,
            concurrency=concurrency,
            queue=self._settings.engine.queue,
            memory_mb=limits.memory_mb or psutil.virtual_memory().total // 2**21,
            variables={**_SERVED, **variables},
            batching=batching_of(variables),
        )
        return WorkerSpec(
            entity_id=entity.id,
            model_name=entity.name,
            program=program,
            start_timeout_s=limits.start_timeout_s,
            socket_dir=data_dir / "sockets",
            log_path=log_path,
            work_dir=data_dir / "mlflow" / "work" / entity.id[:12],
            confinement=self._isolation.of_mlflow(described.directory, interpreter),
            resources=RESOURCES[model.workload.type],
        )

    def build_log(self, entity_id: str) -> str | None:
        """The log of the build of an entity's environment, or None when there is none yet."""
        return _text(self._build_logs.get(entity_id))

    def log(self, entity_id: str) -> str | None:
        """What an entity's worker has written, or None when it was not started yet."""
        return _text(self._logs.get(entity_id))

    async def _variables(self, model: RegisteredModel, creator: str) -> Mapping[str, str]:
        return {
            name: await self._secrets.resolve(value, creator) if is_reference(value) else value
            for name, value in model.environment.items()
        }


def _text(path: Path | None) -> str | None:
    if path is None or not path.is_file():
        return None
    return tail(path, LONGEST_SHOWN_LOG).decode("utf-8", "replace")
