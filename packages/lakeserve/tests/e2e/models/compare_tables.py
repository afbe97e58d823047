"""Compare the short ways for tables with MLflow's own: ``compare_tables.py``, where MLflow is.

Prints how many requests and answers took a short way; each gave what MLflow gives.
"""

import copy
import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
from lakeserve.workers.scoring.mlflow_names import mlflow_names
from lakeserve.workers.scoring.tables import Tables
from mlflow.types import ColSpec, DataType, Schema, TensorSpec


def split(columns, data, **more):
    return {"dataframe_split": {"columns": columns, "data": data, **more}}


DOUBLES = Schema([ColSpec(DataType.double, "x"), ColSpec(DataType.double, "y", required=False)])
SCHEMAS = {
    "none": None,
    "doubles": DOUBLES,
    "longs": Schema([ColSpec(DataType.long, "x")]),
    "floats": Schema([ColSpec(DataType.float, "x")]),
    "both": Schema([ColSpec(DataType.double, "x"), ColSpec(DataType.long, "y")]),
    "unnamed": Schema([ColSpec(DataType.double)]),
    "tensor": Schema([TensorSpec(np.dtype("float64"), (-1, 1))]),
}
# A request, and the schemas for which there is a short way.
REQUESTS = [
    (split(["x"], [[1.0], [2.0]]), {"none", "doubles"}),
    (split(["x", "y"], [[1.0, 2.5], [math.nan, math.inf]]), {"none", "doubles"}),
    (split(["x"], [[1], [2]]), {"none", "doubles", "longs"}),
    (split(["x"], [[1], [2.5]]), {"doubles"}),
    (split(["y", "x"], [[1, 0.5], [3, 0.25]]), {"doubles"}),
    (split(["x"], [[2**63 - 1]]), {"none", "doubles", "longs"}),
    (split(["x"], [[2**63]]), {"doubles"}),
    (split(["x"], [[2**70]]), {"doubles"}),
    (split(["x"], [[10**400]]), set()),
    (split(["x", "z"], [[1.5, 2], [2.5, 3]]), {"doubles"}),
    (split(["x"], [[1.0], [2.0]]) | {"params": {"a": 1}}, {"none", "doubles"}),
    (split(["x"], [[1.0]], index=[7]), set()),
    (split(["x"], [[True]]), set()),
    (split(["x"], [[None], [1.0]]), set()),
    (split(["x"], [["a"]]), set()),
    (split(["x"], [[[1.0]]]), set()),
    (split(["x"], []), set()),
    (split([], []), set()),
    (split(["x", "x"], [[1.0, 2.0]]), set()),
    (split(["x", "y"], [[1.0]]), set()),
    (split([["x", "y"]], [[1.0, 2.0]]), set()),
    (split([1], [[1.0]]), set()),
    (split(None, [[1.0]]), set()),
    (split(["x"], {"x": [1.0]}), set()),
    ({"dataframe_split": {"data": [[1.0]]}}, set()),
    ({"dataframe_split": [1]}, set()),
    ({"dataframe_records": [{"x": 1.0}, {"x": 2.0}]}, {"none", "doubles"}),
    ({"dataframe_records": [{"x": 1.0, "y": 2.0}]}, {"none", "doubles"}),
    ({"dataframe_records": [{"x": 1.0, "y": 2.0}, {"y": 1.0, "x": 2.0}]}, set()),
    ({"dataframe_records": [{"x": 1.0}, {"y": 2.0}]}, set()),
    ({"dataframe_records": [{"x": 1.0}, 1]}, set()),
    ({"dataframe_records": [{}]}, set()),
    ({"dataframe_records": []}, set()),
    ({"dataframe_records": [{"x": 1.0}], "dataframe_split": {}}, set()),
    ({"inputs": {"x": [1.0]}}, set()),
    ({"instances": [{"x": 1.0}]}, set()),
    ({"messages": [], "dataframe_records": [{"x": 1.0}]}, set()),
]

FRAME = pd.DataFrame({"a": [1.5, math.nan], "b": [2.5, math.inf]})
# An answer, and whether there is a short way.
ANSWERS = [
    (FRAME, True),
    (FRAME.astype("float32"), True),
    (FRAME.astype("float16"), True),
    (FRAME[["a"]].assign(n=[1, 2], ok=[True, False]), True),
    (pd.DataFrame([[1, 2], [3, 4]]), True),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), False),
    (pd.DataFrame([[1, 2]], columns=[["a", "b"], ["c", "d"]]), False),
    (pd.DataFrame([[1.0]], columns=[1.5]), False),
    (pd.DataFrame({"a": ["x", None]}), False),
    (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), False),
    (pd.DataFrame({"a": pd.to_datetime(["2026-01-01"])}), False),
    (pd.DataFrame({"a": pd.Categorical(["x"])}), False),
    (pd.DataFrame({"a": [1 + 2j]}), False),
    (pd.DataFrame({"a": np.array([1.0], dtype=">f8")}), False),
    (pd.DataFrame({"a": []}, dtype="float64"), True),
    (pd.DataFrame(), True),
    (pd.DataFrame(index=[1, 2]), True),
    (FRAME["a"], True),
    (FRAME["a"].rename(None), True),
    (FRAME["a"].rename(3), True),
    (FRAME["a"].rename(("a", "b")), False),
    (FRAME["a"].rename(1.5), False),
    (pd.Series([1, 2], index=["p", "q"], dtype="uint8"), True),
    (pd.Series([True, False]), True),
    (pd.Series(["x"]), False),
    (pd.Series([None, 1], dtype=object), False),
    (pd.Series([1, None], dtype="Int64"), False),
    (FRAME.to_numpy(), False),
    ([1, 2], False),
    ("text", False),
    (None, False),
]


def metadata(schema, by_type_hint=False):
    return SimpleNamespace(
        get_input_schema=lambda: schema,
        get_params_schema=lambda: None,
        _is_signature_from_type_hint=lambda: by_type_hint,
    )


def same_json(left, right):
    return json.dumps(left) == json.dumps(right)


def compare_requests():
    short = 0
    names = mlflow_names()
    for request, expected in REQUESTS:
        for name, schema in SCHEMAS.items():
            described = metadata(schema)
            frame = Tables(described).frame(copy.deepcopy(request))
            assert (frame is not None) == (name in expected), (request, name)
            assert Tables(metadata(schema, by_type_hint=True)).frame(request) is None
            if frame is None:
                continue
            theirs = names.parse_json(copy.deepcopy(request), described, schema).data
            kept = theirs if schema is None else theirs[[c for c in theirs if c in "xy"]]
            pd.testing.assert_frame_equal(frame[list(kept)], kept, check_column_type="exact")
            assert type(frame.index) is type(theirs.index)
            short += 1
    return short


def compare_answers():
    short = 0
    tables, names = Tables(metadata(None)), mlflow_names()
    for answer, expected in ANSWERS:
        records = tables.records(answer)
        assert (records is not None) == expected, answer
        if records is not None:
            assert same_json(records, names.jsonable(answer)), answer
            short += 1
    return short


def check_that_requests_share_nothing():
    tables = Tables(metadata(None))
    first = tables.frame(split(["x"], [[1.0]]))
    first.columns.name = "mine"
    first["new"] = 1
    second = tables.frame(split(["x"], [[1.0]]))
    assert second.columns.name is None
    assert list(second.columns) == ["x"]


if __name__ == "__main__":
    check_that_requests_share_nothing()
    print("requests", compare_requests(), "answers", compare_answers())
