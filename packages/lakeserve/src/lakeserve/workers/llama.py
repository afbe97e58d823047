"""The worker of a GGUF file: how it is started, and what it is told."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from lakeserve.core.endpoints import Address
from lakeserve.workers.protocols import Listens, ModelKind


@dataclass(frozen=True, slots=True)
class LlamaProgram:
    """llama.cpp behind this package's own HTTP interface (``workers/serve``).

    Attributes:
        model_path: The GGUF file.
        model_name: ``model`` in its replies.
        threads: Compute threads.
        slots: Requests that it generates for at the same time.
        queue: Requests that may wait for a slot; what comes on top is refused with 429.
        context_tokens: Context window of one request, at most; a model with less keeps its own.
    """

    model_path: Path
    model_name: str
    kind: ModelKind
    threads: int = 1
    slots: int = 4
    queue: int = 256
    context_tokens: int = 8192

    def command(self, address: Address) -> list[str]:
        """See ``Program``."""
        worker = [sys.executable, "-m", "lakeserve.workers.serve"]
        return [*worker, "--socket", str(address.uds), "--program", self.to_json()]

    def environment(self) -> dict[str, str]:
        """See ``Program``."""
        return {}

    @property
    def listens(self) -> Listens:
        """See ``Program``."""
        return "socket"

    def to_json(self) -> str:
        """The program as :meth:`from_json` reads it."""
        return orjson.dumps(asdict(self), default=str).decode()

    @classmethod
    def from_json(cls, text: str) -> "LlamaProgram":
        """What :meth:`to_json` was given."""
        values: dict[str, Any] = orjson.loads(text)
        values["model_path"] = Path(values["model_path"])
        return cls(**values)
