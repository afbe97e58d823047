import json
import math
from collections import namedtuple
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.workers.scoring.replies import to_json

Point = namedtuple("Point", "x y")


def encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, None, True]}, '{"a":[1,2.5,null,true]}'),
        ([math.nan, math.inf, -math.inf, 1.0], "[null,null,null,1.0]"),
        ({1: "a", None: "b"}, '{"1":"a","null":"b"}'),
        (datetime(2026, 1, 2, tzinfo=timezone.utc), '"2026-01-02T00:00:00+00:00"'),
    ],
)
def test_values(value: Any, text: str) -> None:
    assert to_json(value, encode) == text.encode()


def test_what_the_fast_encoder_refuses() -> None:
    value = {"big": 2**80, "point": Point(1, math.nan)}
    assert json.loads(to_json(value, encode)) == {"big": 2**80, "point": [1, None]}


def test_what_nobody_can_write() -> None:
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        to_json({"a": {1}}, encode)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@given(JSON)
def test_every_answer_is_json_as_clients_read_it(value: Any) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(to_json(value, encode), parse_constant=refuse)
