from pathlib import Path

import pytest
from lakeserve.core.errors import EngineError
from lakeserve.workers.mlflow_models import MlflowModel, read_model

DESCRIPTION = """
flavors:
  python_function: {loader_module: mlflow.pyfunc.model, python_version: 3.11.7}
metadata: {task: agent/v1/chat}
mlflow_version: 3.17.2
"""


def model(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text)
    return directory


def test_what_a_model_says(tmp_path: Path) -> None:
    model(
        tmp_path,
        MLmodel=DESCRIPTION,
        requirements__txt="# made by hand\nmlflow==3.17.2\n\npandas<3\n",
        python_env__yaml="python: 3.12.1\n",
    )
    assert read_model(tmp_path) == MlflowModel(
        tmp_path, "agent/v1/chat", "3.12.1", ("mlflow==3.17.2", "pandas<3")
    )


def test_an_older_model_with_conda_alone(tmp_path: Path) -> None:
    conda = "dependencies: [python=3.9, pip, {pip: [scikit-learn==1.0]}]"
    model(tmp_path, MLmodel=DESCRIPTION.replace("agent/v1/chat", "else"), conda__yaml=conda)
    assert read_model(tmp_path) == MlflowModel(
        tmp_path, None, "3.11.7", ("scikit-learn==1.0", "mlflow==3.17.2")
    )


def test_a_model_that_says_little(tmp_path: Path) -> None:
    model(tmp_path, MLmodel="flavors: {python_function: {}}")
    assert read_model(tmp_path) == MlflowModel(tmp_path, None, "", ("mlflow",))


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (None, "MLmodel' cannot be read: No such file"),
        ("flavors: {sklearn: {}}", "has no flavor python_function"),
        ("- a list", "does not describe a model"),
        ("{", "is not YAML"),
        (
            "flavors: {python_function: {python_version: ./python}}",
            r"wants Python '\./python', which is not a version",
        ),
    ],
)
def test_what_is_no_model(description: str | None, message: str, tmp_path: Path) -> None:
    if description is not None:
        model(tmp_path, MLmodel=description)
    with pytest.raises(EngineError, match=message):
        read_model(tmp_path)
