"""What was used in the last 60 seconds. Pure."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
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


class WindowTable(Protocol):
    """Has the windows of all limits.

    Attributes:
        ticks_per_second: What its windows count moments in.
        lock: What is held while windows are read and written together; None where nobody else can.
    """

    ticks_per_second: int

    @property
    def lock(self) -> AbstractContextManager[object] | None:
        """See the class."""
        ...

    def window(self, key: str) -> Window:
        """The window of this key; a new one is empty."""
        ...

    def sweep(self, tick: int) -> None:
        """Forget windows that nothing is in."""
        ...


class MemoryWindow:
    """Amounts by tick. An amount leaves when the whole of its tick is 60 seconds old.

    So the window is never shorter than 60 seconds, and longer by less than a tick.
    """

    __slots__ = ("_amounts", "_length", "_looked_at", "_total")

    def __init__(self, ticks_per_second: int) -> None:
        self._length = SECONDS * ticks_per_second + 1
        self._amounts: dict[int, int] = {}
        self._total = 0
        self._looked_at = 0

    def is_idle(self, tick: int) -> bool:
        """Whether there is nothing to remember."""
        return not self.total(tick) and not self._amounts

    def total(self, tick: int) -> int:
        """See ``Window``."""
        if tick == self._looked_at:
            return self._total
        self._looked_at = tick
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
        return ticks_until_below(self._amounts.items(), self.total(tick), tick, limit, self._length)


def ticks_until_below(
    amounts: Iterable[tuple[int, int]], total: int, tick: int, limit: int, length: int
) -> int:
    """Ticks until a window's sum is below a limit above 0, if nothing is added.

    Args:
        amounts: Ticks and what was counted in them, oldest first.
        total: Their sum.
        tick: Now.
        limit: See above.
        length: Ticks after which an amount leaves.
    """
    left_at = tick
    for moment, amount in amounts:
        if total < limit:
            break
        total -= amount
        left_at = moment + length
    return left_at - tick
