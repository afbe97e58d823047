"""What the bodies of the serving-endpoints API are made of."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def is_storable(text: str) -> bool:
    """Whether a text can be written as UTF-8 and kept by every database."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("it holds a character that no text can hold")
    return text


Text = Annotated[str, AfterValidator(_storable)]


class Body(BaseModel):
    """A JSON object whose fields are all known."""

    model_config = ConfigDict(extra="forbid", strict=True)
