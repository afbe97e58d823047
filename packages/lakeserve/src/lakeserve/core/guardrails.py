"""What looks at the texts of calls, and what it finds, as values and ports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

CATEGORIES = (
    "violent-crimes",
    "non-violent-crimes",
    "sex-crimes",
    "child-exploitation",
    "specialized-advice",
    "privacy",
    "intellectual-property",
    "indiscriminate-weapons",
    "hate",
    "self-harm",
    "sexual-content",
)


class Span(NamedTuple):
    """Personal data in a text.

    Attributes:
        entity: What it is, such as ``EMAIL_ADDRESS``.
    """

    start: int
    end: int
    entity: str


class PersonalData(Protocol):
    """Knows personal data when it sees it."""

    @property
    def is_loaded(self) -> bool:
        """Whether the first look will take no longer than others."""
        ...

    def load(self) -> None:
        """Make ready, which takes seconds the first time. Any thread may do so."""
        ...

    def find(self, text: str) -> Sequence[Span]:
        """What is in a text, in order, without overlaps. Takes time with long texts."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a classifier thinks of texts.

    Attributes:
        categories: Those of ``CATEGORIES`` that apply; empty for texts that are safe.
        is_off_topic: Whether the texts are about none of the topics.
    """

    categories: frozenset[str] = frozenset()
    is_off_topic: bool = False


class Classifier(Protocol):
    """Judges texts; supplied by the operator."""

    async def classify(self, texts: Sequence[str], topics: Sequence[str]) -> Verdict:
        """What the texts of one request or of one answer are about.

        Args:
            texts: In order.
            topics: What they should be about; empty when that is not asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this platform can look for.

    Attributes:
        personal_data: Whether it knows personal data.
        classifier: Whether it can tell safe texts from others, and what they are about.
    """

    personal_data: bool = False
    classifier: bool = False
