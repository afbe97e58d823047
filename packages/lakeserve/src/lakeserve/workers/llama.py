"""The worker of a GGUF file: how it is started, and what it is told."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from lakeserve.core.endpoints import Address
from lakeserve.workers.bearer import BEARER_VARIABLE
from lakeserve.workers.health import probe
from lakeserve.workers.listening import listen_arguments
from lakeserve.workers.protocols import Listens, ModelKind, Prober

Pooling = Literal["mean", "cls", "last"]


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA adapter in GGUF.

    Attributes:
        scale: How strongly it counts; 1 is how it was trained.
    """

    path: Path
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class LlamaOptions:
    """How a model is to be loaded, where that is not the same for all of them.

    Attributes:
        threads: Compute threads; None for what the settings say, as with the next two.
        slots: Requests that a worker generates for at the same time.
        context_tokens: Context window of one request, at most.
        loras: Adapters that always count.
        projector: What lets the model see images (a GGUF file, often called mmproj).
        chat_template: Jinja text in place of the model's own.
        pooling: How token vectors become one; makes any model an embedding model.
    """

    threads: int | None = None
    slots: int | None = None
    context_tokens: int | None = None
    loras: tuple[Lora, ...] = ()
    projector: Path | None = None
    chat_template: str | None = None
    pooling: Pooling | None = None


PLAIN = LlamaOptions()


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
        options: What this model wants; of these, the numbers above have been decided already.
    """

    model_path: Path
    model_name: str
    kind: ModelKind
    threads: int = 1
    slots: int = 4
    queue: int = 256
    context_tokens: int = 8192
    options: LlamaOptions = PLAIN

    def command(self, address: Address) -> list[str]:
        """See ``Program``."""
        worker = [sys.executable, "-m", "lakeserve.workers.serve"]
        return [*worker, *listen_arguments(address), "--program", self.to_json()]

    def environment(self) -> dict[str, str]:
        """See ``Program``."""
        return {}

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

    def to_json(self) -> str:
        """The program as :meth:`from_json` reads it."""
        return orjson.dumps(asdict(self), default=str).decode()

    @classmethod
    def from_json(cls, text: str) -> "LlamaProgram":
        """What :meth:`to_json` was given."""
        values: dict[str, Any] = orjson.loads(text)
        values["model_path"] = Path(values["model_path"])
        values["options"] = options_of(values["options"])
        return cls(**values)


def options_of(values: Mapping[str, Any]) -> LlamaOptions:
    """Options from what ``dataclasses.asdict`` made of them, paths as text."""
    loras = tuple(Lora(Path(each["path"]), each["scale"]) for each in values["loras"])
    projector = None if values["projector"] is None else Path(values["projector"])
    return LlamaOptions(**{**values, "loras": loras, "projector": projector})
