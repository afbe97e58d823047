"""A model and the functions of MLflow that scoring calls, without MLflow, for tests of both."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from lakeserve.workers.scoring.mlflow_names import MlflowNames
from lakeserve.workers.scoring.model import ScoringModel


class Refused(Exception):
    """In the place of ``MlflowException``."""

    def __init__(self, message: str, error_code: str = "BAD_REQUEST", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code
        self.status = status

    def get_http_status_code(self) -> int:
        return self.status


def parse_json(given: dict[str, Any], metadata: Any, schema: Any) -> Any:
    """Data under ``inputs``, or a whole body with ``messages``."""
    bare = "messages" in given
    if not bare and "inputs" not in given:
        raise Refused("send inputs. IMPORTANT: the protocol has changed")
    data = given if bare else given["inputs"]
    return SimpleNamespace(
        data=data, params=None if bare else given.get("params"), is_unified_llm_input=bare
    )


NAMES = MlflowNames(
    parse_json=parse_json,
    parse_csv=lambda file, schema: [line.split(",") for line in file.read().splitlines()],
    parse_parquet=lambda file: list(file.read()),
    jsonable=lambda value: value,
    encode=json.JSONEncoder().default,
    error=Refused,
)


class Pyfunc:
    """What ``mlflow.pyfunc.load_model`` gives.

    Attributes:
        asked: What ``predict`` got.
    """

    def __init__(
        self,
        predict: Callable[[Any], Any] = lambda data: data,
        stream: Callable[[Any], Iterator[Any]] | None = None,
    ) -> None:
        flavor = {"python_function": {"streamable": stream is not None}}
        self.metadata = SimpleNamespace(get_input_schema=lambda: None, flavors=flavor)
        self.asked: list[tuple[Any, Any]] = []
        self._predict = predict
        self._stream = stream

    def predict(self, data: Any, params: Any) -> Any:
        self.asked.append((data, params))
        return self._predict(data)

    def predict_stream(self, data: Any, params: Any) -> Iterator[Any]:
        assert self._stream is not None
        return self._stream(data)


def parse_array(given: dict[str, Any], metadata: Any, schema: Any) -> Any:
    """As ``parse_json``, but the data are an array."""
    parsed = parse_json(given, metadata, schema)
    if not parsed.is_unified_llm_input:
        parsed.data = np.array(parsed.data)
    return parsed


ARRAY_NAMES = replace(
    NAMES,
    parse_json=parse_array,
    jsonable=lambda value: value.tolist() if isinstance(value, np.ndarray) else value,
)


def scoring_model(pyfunc: Pyfunc, names: MlflowNames = NAMES) -> ScoringModel:
    return ScoringModel(pyfunc, names)
