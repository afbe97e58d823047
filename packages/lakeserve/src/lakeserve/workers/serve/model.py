"""The loaded model with everything that its routes need."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from lakeserve.workers.serve.control_tokens import Cleaner
from lakeserve.workers.serve.engine import Engine, EngineRequest
from lakeserve.workers.serve.generation import Generation
from lakeserve.workers.serve.slots import Slots


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that answers.

    Attributes:
        name: ``model`` in replies.
        clean: Breaks control tokens in typed text.
    """

    name: str
    engine: Engine
    slots: Slots
    executor: Executor
    clean: Cleaner

    def generation(self, requests: Sequence[EngineRequest]) -> Generation:
        """A generation of several requests, not yet started."""
        return Generation(self.engine, self.slots, self.executor, requests)
