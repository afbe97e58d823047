"""The names of MLflow that scoring uses, looked up once and checked.

Some are private, because MLflow's own server gives requests their meaning in functions that have no
public name. Tried with MLflow 3.17; another version either has them or is refused here.
"""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lakeserve.core.errors import EngineError

_SERVER = "mlflow.pyfunc.scoring_server"
_JSON = "mlflow.utils.proto_json_utils"


@dataclass(frozen=True, slots=True)
class MlflowNames:
    """What scoring needs of the model's own MLflow.

    Attributes:
        parse_json: A JSON object, the model's metadata and its input schema to what is predicted.
        parse_csv: A text file and an input schema to a frame.
        parse_parquet: A binary file to a frame.
        jsonable: Predictions to plain values.
        encode: One value that JSON does not know to one that it knows.
        error: The class of MLflow's errors.
    """

    parse_json: Callable[[Any, Any, Any], Any]
    parse_csv: Callable[[Any, Any], Any]
    parse_parquet: Callable[[Any], Any]
    jsonable: Callable[[Any], Any]
    encode: Callable[[Any], Any]
    error: type[Exception]


def mlflow_names() -> MlflowNames:
    """The names of the MLflow that is installed here.

    Raises:
        EngineError: There is none, or it lacks one of the names.
    """
    try:
        version = importlib.import_module("mlflow.version").VERSION
    except ImportError:
        raise EngineError("the model's environment has no mlflow") from None
    try:
        server, values = importlib.import_module(_SERVER), importlib.import_module(_JSON)
        parse_json = server._parse_json_data
        if len(inspect.signature(parse_json).parameters) != 3:
            raise AttributeError("_parse_json_data takes other arguments")
        return MlflowNames(
            parse_json=parse_json,
            parse_csv=server.parse_csv_input,
            parse_parquet=server.parse_parquet_input,
            jsonable=values._get_jsonable_obj,
            encode=values.NumpyEncoder().default,
            error=importlib.import_module("mlflow.exceptions").MlflowException,
        )
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"mlflow {version} of the model's environment cannot be served: {error};"
            " known to work: 3.17"
        ) from None
