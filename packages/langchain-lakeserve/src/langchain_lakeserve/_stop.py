"""Stopping at a string, where the endpoint does not do it; pure."""

from __future__ import annotations

from collections.abc import Sequence


def cut_at_stop(text: str, stop: Sequence[str] | None) -> str:
    """Cut a text where a model that knows the given strings would have stopped.

    That is at the string that is complete first, which need not be the one that begins first.
    """
    ends = [(at + len(word), at) for word in stop or () if word and (at := text.find(word)) >= 0]
    return text[: min(ends)[1]] if ends else text


class StopCutter:
    """Cuts a streamed text at the first of the given strings.

    Example:
        >>> cutter = StopCutter(["END"])
        >>> cutter.feed("abcE"), cutter.feed("Nope"), cutter.feed("xENDy"), cutter.flush()
        ('abc', 'ENope', 'x', '')
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = [word for word in words if word]
        self._held = ""
        self._ended = False

    def feed(self, text: str) -> str:
        """Take text and return what is certain to stand before a stop string."""
        if self._ended:
            return ""
        held = self._held + text
        cut = cut_at_stop(held, self.words)
        if len(cut) < len(held):
            self._ended, self._held = True, ""
            return cut
        keep = self._possible_start(held)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]

    def flush(self) -> str:
        """Return what was held back."""
        rest, self._held = self._held, ""
        return rest

    def _possible_start(self, text: str) -> int:
        """Return how many last characters may be the beginning of a stop string."""
        longest = max((len(word) for word in self.words), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(word.startswith(text[-length:]) for word in self.words):
                return length
        return 0
