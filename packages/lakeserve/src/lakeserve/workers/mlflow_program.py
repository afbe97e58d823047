"""The worker of an MLflow model: how it is started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lakeserve.core.endpoints import Address
from lakeserve.workers.batching import Batching
from lakeserve.workers.bearer import BEARER_VARIABLE
from lakeserve.workers.health import probe
from lakeserve.workers.listening import listen_arguments
from lakeserve.workers.protocols import Listens, Prober

# What keeps MLflow from reporting its use to its makers.
QUIET: Mapping[str, str] = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

LAUNCH = Path(__file__).with_name("scoring") / "launch.py"


@dataclass(frozen=True, slots=True)
class MlflowProgram:
    """MLflow's scoring protocol by this package's own HTTP interface (``workers/scoring``).

    Attributes:
        interpreter: The Python of the model's environment.
        model_dir: The model's files.
        concurrency: Requests that it answers at the same time.
        queue: Requests that may wait; what comes on top is refused with 429.
        memory_mb: Memory of its own, at most.
        variables: Beside those that it inherits; some are secrets.
        batching: When requests are predicted together; None has each predicted by itself.
    """

    interpreter: Path
    model_dir: Path
    concurrency: int
    queue: int
    memory_mb: int
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    batching: Batching | None = None

    def command(self, address: Address) -> list[str]:
        """See ``Program``."""
        return [
            str(self.interpreter), str(LAUNCH),
            "--model", str(self.model_dir),
            *listen_arguments(address),
            "--concurrency", str(self.concurrency),
            "--queue", str(self.queue),
            "--memory-mb", str(self.memory_mb),
            *self._batch_arguments(),
        ]  # fmt: skip

    def _batch_arguments(self) -> list[str]:
        if self.batching is None:
            return []
        size, wait = self.batching.max_rows, self.batching.max_wait_ms
        return ["--max-batch-size", str(size), "--max-batch-wait-ms", str(wait)]

    def environment(self) -> Mapping[str, str]:
        """See ``Program``."""
        return {**QUIET, **self.variables}

    @property
    def listens(self) -> Listens:
        """See ``Program``."""
        return "either"

    @property
    def bearer_variable(self) -> str | None:
        """See ``Program``."""
        return BEARER_VARIABLE

    def prober(self) -> Prober:
        """See ``Program``."""
        return probe
