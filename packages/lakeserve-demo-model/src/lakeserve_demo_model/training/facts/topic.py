"""The form of one entry of the question and answer text."""

from typing import NamedTuple


class Topic(NamedTuple):
    """Phrasings of one question and the one answer to all of them."""

    questions: tuple[str, ...]
    answer: str
