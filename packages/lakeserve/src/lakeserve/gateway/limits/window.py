"""What was used in the last 60 seconds. Pure."""

from typing import Protocol

SECONDS = 60


class Window(Protocol):
    """A sum over a rolling window. Moments are ticks, whole parts of a second."""

    def total(self, tick: int) -> int:
        """What is in the window now."""
        ...

    def add(self, tick: int, amount: int) -> None:
        """Count an amount at this moment."""
        ...

    def take_back(self, tick: int, amount: int) -> None:
        """Uncount what was counted at an earlier moment, if that is still in the window."""
        ...

    def ticks_until_below(self, tick: int, limit: int) -> int:
        """Ticks until the sum is below a limit above 0, if nothing is added."""
        ...


class MemoryWindow:
    """Amounts by tick. An amount leaves when the whole of its tick is 60 seconds old.

    So the window is never shorter than 60 seconds, and longer by less than a tick.
    """

    __slots__ = ("_amounts", "_length", "_total")

    def __init__(self, ticks_per_second: int) -> None:
        self._length = SECONDS * ticks_per_second + 1
        self._amounts: dict[int, int] = {}
        self._total = 0

    def is_idle(self, tick: int) -> bool:
        """Whether there is nothing to remember."""
        return not self.total(tick) and not self._amounts

    def total(self, tick: int) -> int:
        """See ``Window``."""
        amounts = self._amounts
        oldest = tick - self._length
        while amounts:
            first = next(iter(amounts))
            if first > oldest:
                break
            self._total -= amounts.pop(first)
        return self._total

    def add(self, tick: int, amount: int) -> None:
        """See ``Window``."""
        amounts = self._amounts
        amounts[tick] = amounts.get(tick, 0) + amount
        self._total += amount

    def take_back(self, tick: int, amount: int) -> None:
        """See ``Window``."""
        if tick in self._amounts:
            self._amounts[tick] -= amount
            self._total -= amount

    def ticks_until_below(self, tick: int, limit: int) -> int:
        """See ``Window``."""
        rest = self.total(tick)
        left_at = tick
        for moment, amount in self._amounts.items():
            if rest < limit:
                break
            rest -= amount
            left_at = moment + self._length
        return left_at - tick
