"""What the bodies of the serving-endpoints API are made of."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def is_storable(text: str) -> bool:
    """Whether a text can be written as UTF-8 and kept by every database."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("it holds a character that no text can hold")
    return text


Item = TypeVar("Item")

Text = Annotated[str, AfterValidator(_storable)]
# Whatever is wrong with a longer list is not worth the time of finding it.
Some = Annotated[list[Item], Field(max_length=1000)]


class Body(BaseModel):
    """A JSON object whose fields are all known."""

    model_config = ConfigDict(extra="forbid", strict=True)
