"""Finds personal data by patterns and number plans: Presidio's recognisers, without a model."""

import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from threading import Lock
from typing import Any

from lakeserve.core.guardrails import Span

ENTITIES = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "US_SSN", "US_BANK_NUMBER")
EXTRA = "pip install 'lakeserve[guardrails]'"

# Presidio drops nothing by itself; what it is less sure of than this is mostly something else.
LEAST_SCORE = 0.35
LONGEST_LOCAL_PART = 64

# Presidio's own pattern needs time that grows with the square of a text without spaces.
_EMAIL = (
    rf"(?<![\w.+-])[\w!#$%&'*+/=?^`{{|}}~.-]{{1,{LONGEST_LOCAL_PART}}}"
    r"@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
)
_SSN = r"\b[0-9]{3}([- .])[0-9]{2}\1[0-9]{4}\b"
_NAMED_SSN = r"(?<=\b(?:ssn|social security)\b[^0-9\n]{0,24})[0-9]{9}\b"
# A bare number is an account's only where the words before it say so.
_BANK = r"(?<=\b(?:account|acct|bank|checking|savings|routing|debit)\b[^0-9\n]{0,32})[0-9]{8,17}\b"
# Where a telephone number may stand: the matcher is slow, and most texts have none.
_PHONE = re.compile(r"[+(]?\d[\d\s().\-/]{5,}\d(?:\s*(?:ext|x|#)[.\s]*\d{1,6})?", re.IGNORECASE)
_ANY = re.compile(r"[\d@]")


def is_installed() -> bool:
    """Whether the extra is there."""
    return find_spec("presidio_analyzer") is not None


class PatternFinder:
    """Finds e-mail addresses and numbers of telephones, cards, people and accounts."""

    def __init__(self) -> None:
        self._loading = Lock()
        self._recognizers: list[Any] = []
        self._phone: Any = None

    @property
    def is_loaded(self) -> bool:
        """See ``PersonalData.is_loaded``."""
        return self._phone is not None

    def load(self) -> None:
        """See ``PersonalData.load``."""
        with self._loading:
            if not self.is_loaded:
                self._recognizers, self._phone = _recognizers()

    def find(self, text: str) -> Sequence[Span]:
        """See ``PersonalData.find``."""
        if _ANY.search(text) is None:
            return ()
        self.load()
        found = [
            (result.start, result.end, result.entity_type, result.score)
            for recognizer in self._recognizers
            for result in recognizer.analyze(text, recognizer.supported_entities, None)
            if result.score >= LEAST_SCORE
        ]
        return _without_overlaps([*found, *self._phones(text)])

    def _phones(self, text: str) -> Iterable[tuple[int, int, str, float]]:
        for match in _PHONE.finditer(text):
            # With neighbours: a number inside a longer word is none, and neither is a time.
            first = max(0, match.start() - 1)
            part = text[first : match.end() + 4]
            for result in self._phone.analyze(part, self._phone.supported_entities, None):
                yield first + result.start, first + result.end, result.entity_type, result.score


def _recognizers() -> tuple[list[Any], Any]:
    """Those that work by patterns, and the one of telephone numbers."""
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        PhoneRecognizer,
        UsSsnRecognizer,
    )

    patterns = [
        PatternRecognizer("EMAIL_ADDRESS", patterns=[Pattern("address", _EMAIL, 1.0)]),
        CreditCardRecognizer(),
        UsSsnRecognizer(
            patterns=[Pattern("grouped", _SSN, 0.5), Pattern("named", _NAMED_SSN, 0.5)]
        ),
        PatternRecognizer("US_BANK_NUMBER", patterns=[Pattern("named", _BANK, 0.4)]),
    ]
    # Other countries' numbers are known by their plus sign.
    return patterns, PhoneRecognizer(supported_regions=("US",))


def _without_overlaps(found: Iterable[tuple[int, int, str, float]]) -> tuple[Span, ...]:
    """Of data that overlap one piece that covers all of them, called what is surest."""
    merged: list[tuple[int, int, str, float]] = []
    for start, end, entity, score in sorted(found):
        if merged and start < merged[-1][1]:
            first, last, name, best = merged[-1]
            surer = (entity, score) if score > best else (name, best)
            merged[-1] = (first, max(last, end), *surer)
        else:
            merged.append((start, end, entity, score))
    return tuple(Span(start, end, entity) for start, end, entity, _ in merged)


def masked(text: str, spans: Iterable[Span]) -> str:
    """A text with the names of what was found in the place of it."""
    parts, last = [], 0
    for span in spans:
        parts += [text[last : span.start], f"<{span.entity}>"]
        last = span.end
    return "".join([*parts, text[last:]])
