"""Join frames as requests of one batch: ``join_frames.py``, where pandas is."""

import pandas as pd
from lakeserve.workers.scoring.batches import joined, rows_of


def frame(**columns):
    return pd.DataFrame(columns)


def check_what_is_joined():
    one = frame(n=[1], x=[0.5], s=["a"])
    two = frame(n=[2, 3], x=[1.5, None], s=["b", "c"])
    assert rows_of(one).kind == rows_of(two).kind
    assert (rows_of(one).number, rows_of(two).number) == (1, 2)
    whole = frame(n=[1, 2, 3], x=[0.5, 1.5, None], s=["a", "b", "c"])
    pd.testing.assert_frame_equal(joined([one, two]), whole)


def check_what_stays_apart():
    kinds = [
        rows_of(each).kind
        for each in (
            frame(x=[1]),
            frame(x=[1.0]),
            frame(x=["a"]),
            frame(x=[True]),
            frame(y=[1]),
            frame(x=[1], y=[1]),
            frame(y=[1], x=[1]),
        )
    ]
    assert len(set(kinds)) == len(kinds)


def check_what_stays_alone():
    assert rows_of(frame(x=[])) is None
    assert rows_of(pd.DataFrame({"x": [1]}, index=[7])) is None
    assert rows_of(pd.DataFrame({"x": [1]}, index=["a"])) is None
    assert rows_of(pd.DataFrame([[1, 2]], columns=["x", "x"])) is None
    assert rows_of(pd.Series([1])) is None


if __name__ == "__main__":
    check_what_is_joined()
    check_what_stays_apart()
    check_what_stays_alone()
    print("joined")
