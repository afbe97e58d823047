"""What the files of an MLflow model say about it, read without MLflow."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from lakeserve.core.endpoints import Task
from lakeserve.core.errors import EngineError

MLFLOW_INSTALL = "pip install 'lakeserve[mlflow]'"
DESCRIPTION_FILE = "MLmodel"
REQUIREMENTS_FILE = "requirements.txt"


@dataclass(frozen=True, slots=True)
class MlflowModel:
    """A model on disk.

    Attributes:
        directory: Holds its files.
        task: What requests it takes, where its author's class says so; None for any other.
        python: The version of Python that it was logged with, such as ``3.11.7``, or empty.
        requirements: What its environment holds, as pip reads it.
    """

    directory: Path
    task: Task | None
    python: str
    requirements: tuple[str, ...]


def read_model(directory: Path) -> MlflowModel:
    """Read a model's description.

    Raises:
        EngineError: The directory holds no MLflow model that can be served, or a package is
            missing (the text has the command that installs it).
    """
    described = _yaml(directory / DESCRIPTION_FILE)
    flavors = described.get("flavors")
    function = flavors.get("python_function") if isinstance(flavors, dict) else None
    if not isinstance(function, dict):
        raise EngineError(
            f"the model in {str(directory)!r} has no flavor python_function, which serving needs"
        )
    metadata = described.get("metadata")
    task = metadata.get("task") if isinstance(metadata, dict) else None
    return MlflowModel(
        directory,
        cast("Task", task) if task in get_args(Task) else None,
        _python(directory, function),
        _requirements(directory, described),
    )


def _python(directory: Path, function: dict[str, Any]) -> str:
    path = directory / "python_env.yaml"
    stated = _yaml(path).get("python") if path.is_file() else None
    version = str(stated or function.get("python_version") or "")
    # It goes to uv, which would also run an interpreter that is named by its path.
    if not re.fullmatch(r"(\d+(\.\w+)*)?", version):
        raise EngineError(f"the model wants Python {version!r}, which is not a version")
    return version


def _requirements(directory: Path, described: dict[str, Any]) -> tuple[str, ...]:
    path = directory / REQUIREMENTS_FILE
    conda = directory / "conda.yaml"
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
    elif conda.is_file():
        lines = [
            str(line)
            for each in _yaml(conda).get("dependencies") or ()
            if isinstance(each, dict)
            for line in each.get("pip") or ()
        ]
    else:
        lines = []
    kept = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not any(line.startswith("mlflow") for line in kept):
        version = described.get("mlflow_version")
        kept.append(f"mlflow=={version}" if version else "mlflow")
    return tuple(kept)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise EngineError(f"MLflow models need PyYAML: {MLFLOW_INSTALL}") from None
    try:
        value = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise EngineError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise EngineError(f"{str(path)!r} is not YAML: {error}") from None
    if not isinstance(value, dict):
        raise EngineError(f"{str(path)!r} does not describe a model")
    return value
