"""Leaves an upstream alone that keeps failing, and asks it again now and then. No I/O."""

from collections.abc import Callable

FAILURES_TO_OPEN = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Circuit:
    """Failures of one upstream since its last success.

    Closed, every call passes. After as many failures in a row as are tolerated it opens for a
    pause, in which none does. Then one call per pause is let through: its success closes the
    circuit (whoever holds it forgets it), its failure doubles the pause.

    Attributes:
        failures: In a row.
    """

    __slots__ = ("_clock", "_is_probing", "_pause_s", "_tolerated", "_until", "failures")

    def __init__(self, clock: Callable[[], float], tolerated: int = FAILURES_TO_OPEN) -> None:
        self._clock = clock
        self._tolerated = tolerated
        self.failures = 0
        self._pause_s = FIRST_PAUSE_S / 2
        self._until = 0.0
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        """Whether the failures have become too many."""
        return self.failures >= self._tolerated

    @property
    def remaining_s(self) -> float:
        """Time until a call is let through again."""
        return max(0.0, self._until - self._clock()) if self.is_open else 0.0

    def admits(self) -> bool:
        """Whether a call may pass now; true counts as its passing."""
        if not self.is_open:
            return True
        now = self._clock()
        if now < self._until:
            return False
        self._until = now + self._pause_s  # the others wait for what becomes of this one
        self._is_probing = True
        return True

    def failed(self) -> None:
        """A call that was let through did not reach an upstream that works."""
        self.failures += 1
        # Calls that were under way when it opened say nothing new.
        if self.failures == self._tolerated or self._is_probing:
            self._is_probing = False
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            self._until = self._clock() + self._pause_s
