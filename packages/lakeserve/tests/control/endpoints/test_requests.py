import pytest
from lakeserve.control.endpoints.requests import CreateInput, MailInput, TagInput, TagsInput
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


def test_mail_addresses() -> None:
    good = ["a@example.com", "a.b+c@d-e.example"]
    assert MailInput(on_update_success=good).on_update_success == good
    for bad in ("a", "a@", "@b", "a@b\r\nBcc: c@d", "a b@c", "é@b", "a@b, c@d", "a" * 300 + "@b.c"):
        with pytest.raises(ValidationError):
            MailInput(on_update_failure=[bad])
