"""Tables of numbers: from JSON to frames, and from frames to JSON.

pandas makes and reads tables of anything, which for a few rows costs more than most predictions.
Tables of plain numbers have shorter ways, to the same frames and the same values. Whatever is not
one of those is left to MLflow, errors above all.
"""

import functools
import importlib
from itertools import chain
from typing import Any

# Column names that are remembered; callers of one model send few different ones.
_KNOWN_COLUMNS = 64
_NUMBERS = "biuf"
_LARGEST_NUMBER_BYTES = 8

_NAMES = frozenset({str, int})
_FLOAT, _INT = frozenset({float}), frozenset({int})


class Tables:
    """Uses the pandas of the model's environment.

    Args:
        metadata: What MLflow knows of the model.
    """

    def __init__(self, metadata: Any) -> None:
        self._numpy: Any = importlib.import_module("numpy")
        self._pandas: Any = importlib.import_module("pandas")
        # Making an index takes half as long as making the whole frame.
        self._index = functools.lru_cache(_KNOWN_COLUMNS)(self._new_index)
        schema = metadata.get_input_schema()
        by_type_hint = getattr(metadata, "_is_signature_from_type_hint", bool)()
        self._takes_any = schema is None and not by_type_hint
        self._takes = None if schema is None or by_type_hint else _only_type(schema)

    def frame(self, request: dict[str, Any]) -> Any | None:
        """The frame that MLflow makes of a request, or None where MLflow has to say.

        Args:
            request: The JSON object of the body.
        """
        if len(request) != 1 + ("params" in request):
            return None
        split = request.get("dataframe_split")
        if type(split) is dict and split.keys() == {"columns", "data"}:
            return self._matrix(split["columns"], split["data"])
        records = request.get("dataframe_records")
        if type(records) is list and records and type(records[0]) is dict:
            columns = list(records[0])
            if all(type(each) is dict and list(each) == columns for each in records):
                return self._matrix(columns, [list(each.values()) for each in records])
        return None

    def _matrix(self, columns: Any, rows: Any) -> Any | None:
        if not _is_list_of(str, columns) or not _is_list_of(list, rows):
            return None
        width, index = len(columns), self._index(tuple(columns))
        if index is None or any(len(row) != width for row in rows):
            return None
        dtype = self._dtype(frozenset(map(type, chain.from_iterable(rows))))
        if dtype is None:
            return None
        try:
            values = self._numpy.array(rows, dtype)
        except OverflowError:  # an integer of more than 64 bits
            return None
        # A view, because a model may rename the columns of what it gets.
        return self._pandas.DataFrame(values, columns=index.view())

    def _is_number(self, dtype: Any) -> bool:
        """Whether values of this type become plain numbers; pandas has types of its own."""
        return (
            isinstance(dtype, self._numpy.dtype)
            and dtype.kind in _NUMBERS
            and dtype.isnative
            and dtype.itemsize <= _LARGEST_NUMBER_BYTES
        )

    def _new_index(self, columns: tuple[str, ...]) -> Any | None:
        index = self._pandas.Index(columns)
        return index if index.is_unique else None

    def _dtype(self, kinds: frozenset[type]) -> str | None:
        """The type of all columns, given the types of all values."""
        if self._takes == "double":
            return "float64" if kinds <= _FLOAT | _INT else None
        if kinds == _FLOAT:
            return "float64" if self._takes_any else None
        if kinds == _INT:
            return "int64" if self._takes_any or self._takes == "long" else None
        return None

    def records(self, answer: Any) -> list[dict[str | int, Any]] | None:
        """The rows of a frame or of a series, or None where MLflow has to say."""
        if type(answer) is self._pandas.Series:
            name = 0 if answer.name is None else answer.name
            if type(name) not in _NAMES or not self._is_number(answer.dtype):
                return None
            return [{name: value} for value in answer.tolist()]
        if type(answer) is not self._pandas.DataFrame:
            return None
        columns, types = answer.columns.tolist(), answer.dtypes.tolist()
        if len(set(columns)) != len(columns) or not all(map(self._is_number, types)):
            return None
        if not all(type(each) in _NAMES for each in columns):
            return None
        if len(set(types)) == 1:
            rows = answer.to_numpy().tolist()
        else:
            rows = zip(*(column.tolist() for _, column in answer.items()), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]


def _is_list_of(kind: type, values: Any) -> bool:
    return type(values) is list and bool(values) and all(type(each) is kind for each in values)


def _only_type(schema: Any) -> str | None:
    """The name of the type of all columns, or None when they have several, or none."""
    names = {str(getattr(each, "name", "")) for each in schema.input_types()}
    return names.pop() if schema.has_input_names() and len(names) == 1 else None
