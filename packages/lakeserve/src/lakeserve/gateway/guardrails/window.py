"""Masks a text that comes in parts: what may still become personal data waits. Pure."""

import re
from collections.abc import Callable, Sequence

from lakeserve.core.guardrails import Span
from lakeserve.gateway.guardrails.personal_data import LONGEST_LOCAL_PART, masked

Find = Callable[[str], Sequence[Span]]

# Words before a number say what it is; this much of what has left is looked at again.
CONTEXT = 80
# Nothing that is looked for is longer without a space in it.
LONGEST_WORD = LONGEST_LOCAL_PART + 16
# Digits this far back can belong to the same number.
_NEAR = 40

_WORD = re.compile(r"\S+")
_DIGIT = re.compile(r"\d")
_TELLING = re.compile(r"[\d@]")


class MaskingWindow:
    """Holds back the end of a text until it is sure that no mask reaches into it.

    Args:
        find: Finds personal data in a text.
    """

    __slots__ = ("_context", "_find", "_held")

    def __init__(self, find: Find) -> None:
        self._find = find
        self._context = ""
        self._held = ""

    def feed(self, text: str) -> str:
        """What may leave now that ``text`` has come, masked."""
        self._held += text
        return self._release(_safe_end(self._held, len(text)))

    def close(self) -> str:
        """The rest, masked: nothing more comes."""
        return self._release(len(self._held))

    def _release(self, end: int) -> str:
        if end <= 0:
            return ""
        leaving, self._held = self._held[:end], self._held[end:]
        seen = len(self._context)
        whole = self._context + leaving
        if _TELLING.search(leaving) is not None:
            spans = [
                Span(max(span.start - seen, 0), span.end - seen, span.entity)
                for span in self._find(whole)
                if span.end > seen
            ]
            leaving = masked(leaving, spans)
        self._context = whole[-CONTEXT:]
        return leaving


def _safe_end(held: str, new: int) -> int:
    """Where a text can be cut so that nothing that is looked for lies on both sides.

    Numbers may have spaces in them, so the cut follows two words without a digit. A text that is
    written without spaces is cut where an address can no longer begin.
    """
    # An earlier place would have been used before.
    start = max(0, len(held) - new - 2 * LONGEST_WORD)
    words = list(_WORD.finditer(held, start))
    # The first word may be the end of one; what stands before ``held`` is plain, or nothing.
    for index in range(len(words) - 1, 1 if start else -1, -1):
        before, last = words[max(0, index - 1)], words[index]
        is_plain = _DIGIT.search(held, before.start(), last.end()) is None
        if is_plain and last.end() < len(held):
            return last.end()
    end = len(held) - LONGEST_WORD
    if end <= 0 or _DIGIT.search(held, max(0, end - _NEAR)) is not None:
        return 0
    word_start = max(map(held.rfind, " \n\t", (0, 0, 0), (end, end, end)))
    return 0 if "@" in held[max(0, word_start) :] else end
