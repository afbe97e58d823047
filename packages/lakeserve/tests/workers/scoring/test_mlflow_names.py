import importlib.util

import pytest
from lakeserve.core.errors import EngineError
from lakeserve.workers.scoring.mlflow_names import mlflow_names


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is not None, reason="mlflow is here")
def test_an_environment_without_mlflow() -> None:
    with pytest.raises(EngineError, match="has no mlflow"):
        mlflow_names()
