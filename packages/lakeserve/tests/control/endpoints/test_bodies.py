import pytest
from lakeserve.control.endpoints.bodies import Body, Text, is_storable
from pydantic import ValidationError


class Named(Body):
    name: Text


@pytest.mark.parametrize("text", ["\0", "a\ud800", "\udfff"])
def test_texts_that_no_database_keeps(text: str) -> None:
    assert not is_storable(text)
    with pytest.raises(ValidationError, match="no text can hold"):
        Named(name=text)


def test_unknown_fields() -> None:
    assert Named.model_validate({"name": "é\n"}).name == "é\n"
    with pytest.raises(ValidationError, match="Extra inputs"):
        Named.model_validate({"name": "a", "other": 1})
