"""A finder and a classifier that tests can read."""

import re
from collections.abc import Sequence

from lakeserve.core.guardrails import Span, Verdict


class Sevens:
    """Takes every run of sevens for personal data."""

    is_loaded = True

    def load(self) -> None:
        """Nothing to make ready."""

    def find(self, text: str) -> Sequence[Span]:
        return [Span(each.start(), each.end(), "US_SSN") for each in re.finditer("7+", text)]


class Censor:
    """Judges by a word, and wants topics to be named."""

    async def classify(self, texts: Sequence[str], topics: Sequence[str]) -> Verdict:
        text = " ".join(texts)
        is_off = bool(topics) and not any(topic in text for topic in topics)
        return Verdict(frozenset({"hate"} if "hate" in text else ()), is_off)
