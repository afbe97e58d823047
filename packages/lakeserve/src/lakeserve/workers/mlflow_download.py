"""Download a registered model: ``PYTHON_WITH_MLFLOW .../mlflow_download.py URI DIRECTORY [ROOT]``.

It runs in a process of its own, by its path, with an interpreter that may have nothing else of the
platform: MLflow knows every kind of registry and artifact store, and takes seconds to load. ROOT is
where the platform's own registry keeps its files: these are copied, without asking its server.
"""

import shutil
import sys
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_FAILED = 1
_OWN_SCHEME = "mlflow-artifacts"


def main() -> int:
    """Download, or say in one line why not."""
    uri, directory, *root = sys.argv[1:]
    warnings.simplefilter("ignore")
    try:
        import mlflow
    except ImportError:
        return _fail(
            f"{sys.executable} has no MLflow, which asks the registry: pip install"
            " 'lakeserve[mlflow]', or name an interpreter that has it in the setting mlflow.python"
        )
    try:
        if root:
            _copy(own_files(_location(mlflow, uri), Path(root[0])), Path(directory))
        else:
            mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=directory)
    except Exception as error:  # noqa: BLE001 - whatever a store raises is the answer
        return _fail(" ".join(str(error).split()) or type(error).__name__)
    return 0


def own_files(location: str, root: Path) -> Path:
    """Where the platform's own registry keeps what lies at an address of its artifact store.

    Raises:
        ValueError: The address leads elsewhere; whoever registers a model chooses it.
    """
    parts = urlsplit(location)
    path = (root / unquote(parts.path).lstrip("/")).resolve()
    if parts.scheme != _OWN_SCHEME or not path.is_relative_to(root.resolve()):
        raise ValueError(f"the model's files are at {location}, which is not in this registry")
    return path


def _location(mlflow: Any, uri: str) -> str:
    client = mlflow.MlflowClient()
    name, _, version = uri.removeprefix("models:/").rpartition("/")
    location = str(client.get_model_version_download_uri(name, version))
    if location.startswith("models:/"):
        model = client.get_logged_model(location.removeprefix("models:/"))
        location = str(model.artifact_location)
    return location


def _copy(source: Path, directory: Path) -> None:
    shutil.copytree(source, directory, dirs_exist_ok=True, symlinks=False)


def _fail(reason: str) -> int:
    sys.stderr.write(f"lakeserve worker: {reason}\n")
    return _FAILED


if __name__ == "__main__":
    sys.exit(main())
