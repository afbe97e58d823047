import pytest
from lakeserve.control.endpoints.requests import CreateInput, TagInput, TagsInput
from pydantic import ValidationError


@pytest.mark.parametrize("text", ["", "plain", "ünïcode ✓", "two\nlines", "\U0001f600"])
def test_texts_that_can_be_stored(text: str) -> None:
    assert CreateInput(name="n", description=text).description == text


@pytest.mark.parametrize("text", ["\0", "a\ud800", "\udfff"])
def test_texts_that_cannot_be_stored(text: str) -> None:
    with pytest.raises(ValidationError, match="no text can hold"):
        CreateInput(name="n", description=text)
    with pytest.raises(ValidationError, match="no text can hold"):
        TagInput(key="k", value=text)
    with pytest.raises(ValidationError, match="no text can hold"):
        TagsInput(delete_tags=[text])
