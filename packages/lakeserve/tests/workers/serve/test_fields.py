import pytest
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.fields import boolean, integer, number, read_object, refuse_unknown


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'"x"', b"null"])
def test_a_body_is_a_json_object(data: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        read_object(data)
    assert caught.value.status == 400


def test_unknown_fields_are_refused_by_name_and_ignored_ones_are_not() -> None:
    refuse_unknown({"a": 1, "b": 2}, {"a"}, {"b"})
    with pytest.raises(ApiError, match=r"c: unknown field\. Accepted: a\.") as caught:
        refuse_unknown({"c": 1}, {"a"}, {"b"})
    assert caught.value.code == "unknown_parameter"


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(ApiError) as caught:
        number({"x": "y" * 500}, "x", 0, 1)
    assert len(caught.value.message) < 200


def test_whole_floats_are_integers_and_booleans_are_not() -> None:
    assert integer({"n": 3.0}, "n", 1) == 3
    with pytest.raises(ApiError, match="must be an integer at least 1, not true"):
        integer({"n": True}, "n", 1)


def test_booleans_are_not_guessed() -> None:
    assert boolean({"b": None}, "b") is False
    with pytest.raises(ApiError, match="must be true or false, not 1"):
        boolean({"b": 1}, "b")
