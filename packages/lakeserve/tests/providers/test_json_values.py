"""JSON that others wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadUpstream
from lakeserve.providers.json_values import count, mapping, objects, reply_object, string

anything: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([])
)


@given(anything)
def test_wrong_types_count_as_absent(value: object) -> None:
    assert mapping(value) == {}
    assert objects(value) == []
    assert string(value) == (value if isinstance(value, str) else "")


def test_right_types() -> None:
    assert mapping({"a": 1}) == {"a": 1}
    assert objects([{"a": 1}, 2, {}]) == [{"a": 1}, {}]


@pytest.mark.parametrize(
    ("value", "tokens"),
    [(3, 3), (3.0, 3), (-1, 0), (True, 0), ("3", 0), (None, 0), (1e999, 0), (float("nan"), 0)],
)
def test_counts(value: object, tokens: int) -> None:
    assert count(value) == tokens


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"\xff"])
def test_replies_that_are_no_object(body: bytes) -> None:
    with pytest.raises(BadUpstream, match="'x'"):
        reply_object(body, "x")
