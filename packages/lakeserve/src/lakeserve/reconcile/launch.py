"""From a wanted entity to a started worker."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from lakeserve.core.endpoints import (
    Backend,
    Endpoint,
    LocalModel,
    LocalServer,
    RegisteredModel,
    Scale,
    ServedEntity,
    Task,
    WorkerBackend,
)
from lakeserve.core.errors import EngineError
from lakeserve.foundation_settings import ServerProgram, VllmServer
from lakeserve.reconcile.custom_models import CustomModels, Tell
from lakeserve.reconcile.isolation import ModelIsolation
from lakeserve.reconcile.room import Room, memory_room, no_limit, processors
from lakeserve.settings import Settings
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.models import ModelFile, resolve
from lakeserve.workers.protocols import ModelKind, Program, Resources, Runner, Worker, WorkerSpec
from lakeserve.workers.server_command import ServerCommand
from lakeserve.workers.vllm import vllm_program, vllm_resources

# From a model's reference and the data directory to its file, which may have to be made first.
Resolve = Callable[[str, Path], Awaitable[ModelFile]]

# Starts the worker of the replica with that number, counted from 0.
Launch = Callable[[int], Awaitable[Worker]]


class Launcher:
    """Starts workers for local entities.

    Models are resolved one at a time, so that two entities that share one do not both convert it.
    """

    def __init__(
        self,
        runner: Runner,
        settings: Settings,
        custom_models: CustomModels,
        resolve_model: Resolve = resolve,
    ) -> None:
        self._runner = runner
        self._custom_models = custom_models
        self._settings = settings
        self._isolation = ModelIsolation(settings)
        self._resolve = resolve_model
        self._one_at_a_time = asyncio.Lock()

    @property
    def room(self) -> Room:
        """What tells how many more replicas fit beside those that run."""
        return no_limit if self._settings.runner == "ray" else memory_room

    def scale(self, backend: WorkerBackend) -> Scale:
        """How many workers an entity may have where they run.

        One machine has room for those that its processors can serve; a cluster finds its own.
        """
        if self._settings.runner == "ray":
            return backend.scale
        threads = self._settings.engine.threads if isinstance(backend, LocalModel) else 1
        room = self._settings.autoscaling.max_replicas or max(1, processors() // threads)
        return backend.scale.within(room)

    def for_entity(
        self, entity: ServedEntity, backend: WorkerBackend, endpoint: Endpoint, tell: Tell
    ) -> Launch:
        """What starts a worker for this entity each time it is called.

        It raises a ``LakeserveError`` when the model is missing or cannot do the task.

        Args:
            entity: What is wanted.
            backend: What serves it.
            endpoint: Whose entity it is.
            tell: Hears what takes long before the worker can start.
        """
        share = self.scale(backend).share()

        async def launch(number: int) -> Worker:
            if isinstance(backend, RegisteredModel):
                creator, concurrency = endpoint.creator, share or self._settings.engine.slots
                spec = await self._custom_models.spec(entity, backend, creator, tell, concurrency)
            elif isinstance(backend, LocalServer):
                spec = self._server(entity, backend, endpoint.task)
            else:
                model = await self._model(backend, endpoint.task)
                program = self._llama(entity, model, share)
                timeout_s = self._settings.engine.start_timeout_s
                resources = Resources(cpus=program.threads)
                spec = replace(
                    self._spec(entity, program, resources, timeout_s),
                    work_dir=self._settings.data_dir / "work" / entity.id[:12],
                    confinement=self._isolation.of_gguf(program),
                )
            return await self._runner.start(numbered(spec, number))

        return launch

    def start_timeout_s(self, backend: Backend) -> float:
        """Seconds that a worker of a backend may take until it serves."""
        if isinstance(backend, RegisteredModel):
            return self._settings.mlflow.start_timeout_s
        if isinstance(backend, LocalServer):
            configured = self._settings.foundation.get(backend.key)
            if isinstance(configured, (VllmServer, ServerProgram)):
                return configured.start_timeout_s
        return self._settings.engine.start_timeout_s

    def _server(self, entity: ServedEntity, backend: LocalServer, task: Task | None) -> WorkerSpec:
        configured = self._settings.foundation.get(backend.key)
        if isinstance(configured, VllmServer):
            embeddings = task == "llm/v1/embeddings"
            vllm = vllm_program(
                configured,
                entity.name,
                embeddings=embeddings,
                port=self._settings.runner == "ray",
            )
            return self._spec(entity, vllm, vllm_resources(configured), configured.start_timeout_s)
        if isinstance(configured, ServerProgram):
            program = ServerCommand(configured.command, entity.name, configured.health)
            resources = Resources(configured.cpus, configured.gpus)
            return self._spec(entity, program, resources, configured.start_timeout_s)
        raise EngineError(f"the settings have no server program at foundation.{backend.key}")

    async def _model(self, backend: LocalModel, task: Task | None) -> ModelFile:
        async with self._one_at_a_time:
            model = await self._resolve(backend.reference, self._settings.data_dir)
        needed: ModelKind = "embedding" if task == "llm/v1/embeddings" else "chat"
        if model.kind != needed:
            raise EngineError(
                f"{backend.reference!r} is a model of kind {model.kind!r}, but the endpoint's task"
                f" {task} needs one of kind {needed!r}"
            )
        return model

    def _llama(self, entity: ServedEntity, model: ModelFile, share: int | None) -> LlamaProgram:
        engine, options = self._settings.engine, model.options
        return LlamaProgram(
            model.path,
            entity.name,  # clients compare a reply's model with what they asked for
            model.kind,
            threads=options.threads or engine.threads,
            slots=share or options.slots or engine.slots,
            queue=engine.queue,
            context_tokens=options.context_tokens or engine.context_tokens,
            options=options,
        )

    def _spec(
        self, entity: ServedEntity, program: Program, resources: Resources, timeout_s: float
    ) -> WorkerSpec:
        data_dir = self._settings.data_dir
        return WorkerSpec(
            entity_id=entity.id,
            model_name=entity.name,
            program=program,
            start_timeout_s=timeout_s,
            socket_dir=data_dir / "sockets",
            log_path=data_dir / "logs" / f"{entity.name}.log",
            resources=resources,
        )


def numbered(spec: WorkerSpec, number: int) -> WorkerSpec:
    """The worker of one replica: the first keeps the names of its files, the others add theirs."""
    if number == 0:
        return spec
    log, work = spec.log_path, spec.work_dir
    return replace(
        spec,
        replica=number,
        log_path=log.with_name(f"{log.stem}.{number}{log.suffix}"),
        work_dir=None if work is None else work.with_name(f"{work.name}.{number}"),
    )
