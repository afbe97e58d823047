"""The registry that the platform keeps: MLflow's own server, started by the first call for it."""

import importlib.util
import sys
from collections.abc import Mapping

from lakeserve.core.endpoints import LocalModel, ServedEntity
from lakeserve.core.errors import EngineError
from lakeserve.core.ports import REGISTRY_ID
from lakeserve.reconcile.entity import LocalEntity
from lakeserve.reconcile.pace import Pace
from lakeserve.settings import Settings
from lakeserve.workers.mlflow_models import MLFLOW_INSTALL
from lakeserve.workers.mlflow_program import QUIET
from lakeserve.workers.mlflow_store import own_artifacts, own_database
from lakeserve.workers.protocols import Runner, Worker, WorkerSpec
from lakeserve.workers.server_command import ServerCommand

# It answers on a unix socket, which only the platform can open; callers come through the gateway.
_VARIABLES: Mapping[str, str] = {**QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def registry(runner: Runner, settings: Settings, pace: Pace) -> LocalEntity:
    """The registry as something that is kept alive like a model's worker."""
    entity = ServedEntity(
        REGISTRY_ID,
        "mlflow-registry",
        LocalModel(REGISTRY_ID),
        "mlflow-registry",
        "MLflow's server.",
        "on-demand",
    )

    async def launch(_number: int) -> Worker:
        if settings.mlflow.python is None and importlib.util.find_spec("mlflow") is None:
            raise EngineError(
                f"the registry of this platform needs MLflow: {MLFLOW_INSTALL}, or an interpreter"
                " that has it in the setting mlflow.python"
            )
        return await runner.start(registry_spec(settings))

    return LocalEntity(entity, launch, pace, lambda: None)


def registry_spec(settings: Settings) -> WorkerSpec:
    """What starts MLflow's server."""
    place = settings.data_dir / "mlflow"
    words = (
        *(str(settings.mlflow.python or sys.executable), "-m", "mlflow", "server"),
        *("--workers", "1", "--uvicorn-opts", "--uds '{socket}' --log-level warning"),
        *("--backend-store-uri", own_database(place)),
        *("--artifacts-destination", str(own_artifacts(place)), "--serve-artifacts"),
    )
    return WorkerSpec(
        entity_id=REGISTRY_ID,
        model_name="mlflow-registry",
        program=ServerCommand(words, "mlflow-registry", variables=_VARIABLES),
        start_timeout_s=settings.mlflow.start_timeout_s,
        socket_dir=settings.data_dir / "sockets",
        log_path=settings.data_dir / "logs" / "mlflow-registry.log",
        work_dir=place / "work" / "registry",
    )
