"""Download a registered model: ``PYTHON_WITH_MLFLOW .../mlflow_download.py URI DIRECTORY``.

It runs in a process of its own, by its path, with an interpreter that may have nothing else of the
platform: MLflow knows every kind of registry and artifact store, and takes seconds to load.
"""

import sys
import warnings

_FAILED = 1


def main() -> int:
    """Download, or say in one line why not."""
    uri, directory = sys.argv[1:]
    warnings.simplefilter("ignore")
    try:
        import mlflow
    except ImportError:
        return _fail(
            f"{sys.executable} has no MLflow, which asks the registry: pip install"
            " 'lakeserve[mlflow]', or name an interpreter that has it in the setting mlflow.python"
        )
    try:
        mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=directory)
    except Exception as error:  # noqa: BLE001 - whatever a store raises is the answer
        return _fail(" ".join(str(error).split()) or type(error).__name__)
    return 0


def _fail(reason: str) -> int:
    sys.stderr.write(f"lakeserve worker: {reason}\n")
    return _FAILED


if __name__ == "__main__":
    sys.exit(main())
