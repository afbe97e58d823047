"""Inputs of several requests as one, and the answer to it as several. Pure.

Whatever is joined is made of rows: a frame, an array, or arrays by name. pandas and numpy are not
imported here, because an input can only be of a library that is loaded.
"""

import sys
from collections.abc import Hashable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple


class Rows(NamedTuple):
    """What an input holds.

    Attributes:
        kind: Equal for inputs that can be joined.
        number: How many there are.
    """

    kind: Hashable
    number: int


def rows_of(data: Any) -> Rows | None:
    """The rows of an input, or None when it cannot be joined with others."""
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None and type(data) is pandas.DataFrame:
        return _rows_of_frame(data, pandas)
    if numpy is None:
        return None
    if type(data) is numpy.ndarray:
        return _rows_of_arrays({"": data})
    if type(data) is dict and all(type(each) is numpy.ndarray for each in data.values()):
        return _rows_of_arrays(data)
    return None


def _rows_of_frame(frame: Any, pandas: Any) -> Rows | None:
    # Numbers that the caller gave to the rows would be lost.
    if not frame.index.equals(pandas.RangeIndex(len(frame))) or not frame.columns.is_unique:
        return None
    kind = "frame", tuple(frame.columns), tuple(frame.dtypes)
    return Rows(kind, len(frame)) if len(frame) else None


def _rows_of_arrays(arrays: dict[str, Any]) -> Rows | None:
    counts = {each.shape[0] if each.ndim else 0 for each in arrays.values()}
    if len(counts) != 1 or 0 in counts:
        return None
    kind = tuple((name, each.dtype, each.shape[1:]) for name, each in arrays.items())
    return Rows(kind, counts.pop())


def joined(inputs: Sequence[Any]) -> Any:
    """The rows of all inputs, in their order; the inputs are of one kind."""
    first = inputs[0]
    if type(first) is dict:
        return {name: joined([each[name] for each in inputs]) for name in first}
    numpy = sys.modules["numpy"]
    if type(first) is numpy.ndarray:
        return numpy.concatenate(inputs)
    return sys.modules["pandas"].concat(inputs, ignore_index=True)


def split(answer: Any, counts: Sequence[int]) -> list[Any] | None:
    """The answers of the inputs that were joined, or None when the answer is not one of rows.

    Args:
        answer: Plain values: a list with an element for each row, or such lists by name.
        counts: The number of rows of each input.
    """
    ends = list(accumulate(counts))
    slices = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    if isinstance(answer, dict) and answer:
        parts = {name: _cut(each, slices) for name, each in answer.items()}
        if any(each is None for each in parts.values()):
            return None
        return [
            {name: each[n] for name, each in parts.items() if each is not None}
            for n in range(len(slices))
        ]
    return _cut(answer, slices)


def _cut(values: Any, slices: Sequence[slice]) -> list[Any] | None:
    has_rows = isinstance(values, list) or getattr(values, "ndim", 0) > 0
    if not has_rows or len(values) != slices[-1].stop:
        return None
    return [values[each] for each in slices]
