"""What models may reach of this machine."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from lakeserve.core.errors import EngineError
from lakeserve.settings import Settings
from lakeserve.workers.confinement import Confinement, exposing, python_files, shortcoming
from lakeserve.workers.landlock import abi
from lakeserve.workers.llama import LlamaProgram

logger = logging.getLogger(__name__)

# llama.cpp reads the other parts of a model by the name of its first.
_PART = re.compile(r"(.*)-\d{5}-of-(\d{5})\.gguf")


class ModelIsolation:
    """Says what a worker of each kind may reach; nothing of the data directory but its own.

    Args:
        settings: Where things lie and whether models are isolated at all.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._told = False

    def of_mlflow(self, model: Path, interpreter: Path) -> Confinement:
        """What the worker of an MLflow model may reach.

        Args:
            model: The directory with its files.
            interpreter: The Python that runs it.

        Raises:
            EngineError: It must be isolated, and the data directory lies within what it may read.
        """
        limits = self._settings.mlflow
        self._tell()
        reads = (model, *python_files(interpreter), *limits.readable_dirs)
        return self._confinement(reads, limits.writable_dirs)

    def of_gguf(self, program: LlamaProgram) -> Confinement:
        """What the worker of a GGUF model may reach.

        Raises:
            EngineError: It must be isolated, and the data directory lies within what it may read.
        """
        options = program.options
        files = [*_parts(program.model_path), *(lora.path for lora in options.loras)]
        if options.projector is not None:
            files.append(options.projector)
        return self._confinement(tuple(files), ())

    def _confinement(self, reads: tuple[Path, ...], writes: tuple[Path, ...]) -> Confinement:
        isolation, data_dir = self._settings.model_isolation, self._settings.data_dir
        if isolation != "off" and (exposed := exposing(data_dir, (*reads, *writes))) is not None:
            text = (
                f"the data directory {str(data_dir)!r} lies within {str(exposed)!r}, which models"
                " may read: their isolation does not protect it"
            )
            if isolation == "required":
                raise EngineError(text)
            logger.warning("%s", text)
        return Confinement(reads, writes, isolation)

    def _tell(self) -> None:
        """Say once that models run with more rights than they need, where it is so."""
        if self._told:
            return
        self._told = True
        if self._settings.model_isolation == "auto" and (lacking := shortcoming(abi())) is not None:
            logger.warning(
                "custom models run with rights of the platform's user that they do not need: %s",
                lacking,
            )


def _parts(model: Path) -> Iterator[Path]:
    yield model
    if named := _PART.fullmatch(model.name):
        yield from model.parent.glob(f"{_escaped(named[1])}-?????-of-{named[2]}.gguf")


def _escaped(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)
