from typing import Any

import numpy as np
import pytest
from lakeserve.workers.scoring.batches import joined, rows_of, split
from workers.scoring.in_model_environment import output_of


def test_arrays_of_the_same_rows_are_joined() -> None:
    one, two = np.array([[1, 2]]), np.array([[3, 4], [5, 6]])
    first, second = rows_of(one), rows_of(two)
    assert first is not None
    assert second is not None
    assert (first.kind, first.number, second.number) == (second.kind, 1, 2)
    assert joined([one, two]).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_arrays_by_name_are_joined() -> None:
    one = {"a": np.array([1]), "b": np.array([[2.0]])}
    two = {"a": np.array([3]), "b": np.array([[4.0]])}
    assert rows_of(one) == rows_of(two)
    both = joined([one, two])
    assert {name: each.tolist() for name, each in both.items()} == {
        "a": [1, 3],
        "b": [[2.0], [4.0]],
    }


@pytest.mark.parametrize(
    "other",
    [
        np.array([[1.0, 2.0]]),
        np.array([[1, 2, 3]]),
        np.array([[[1, 2]]]),
        {"": np.array([[1, 2]]), "b": np.array([[1, 2]])},
        {"b": np.array([[1, 2]])},
    ],
)
def test_inputs_that_differ_stay_apart(other: Any) -> None:
    here, there = rows_of(np.array([[1, 2]])), rows_of(other)
    assert here is not None
    assert there is not None
    assert here.kind != there.kind


@pytest.mark.parametrize(
    "data",
    [
        np.array(1),
        np.empty((0, 2)),
        {},
        {"a": np.array([1]), "b": np.array([1, 2])},
        {"a": np.array([1]), "b": "text"},
        [1, 2],
        "text",
        None,
    ],
)
def test_inputs_without_rows(data: Any) -> None:
    assert rows_of(data) is None


def test_answers_are_split_by_rows() -> None:
    assert split([1, 2, 3], (1, 2)) == [[1], [2, 3]]
    assert split({"a": [1, 2, 3], "b": [4, 5, 6]}, (2, 1)) == [
        {"a": [1, 2], "b": [4, 5]},
        {"a": [3], "b": [6]},
    ]
    parts = split({"a": np.array([[1], [2], [3]])}, (1, 2))
    assert parts is not None
    assert [part["a"].tolist() for part in parts] == [[[1]], [[2], [3]]]


@pytest.mark.parametrize(
    "answer", [[1, 2], [1, 2, 3, 4], {"a": [1, 2, 3], "b": 1}, {}, "abc", 3, None, np.array(3)]
)
def test_answers_that_are_not_of_rows(answer: Any) -> None:
    assert split(answer, (1, 2)) is None


def test_frames() -> None:
    assert output_of("join_frames.py") == "joined\n"
