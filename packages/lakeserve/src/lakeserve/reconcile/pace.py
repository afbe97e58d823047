"""When a worker that failed is started again. Pure: it decides and never sleeps."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The rhythm of starting again. Times are seconds.

    Attributes:
        first_delay_s: Pause after the second failure in a row; the first is followed by none.
        longest_delay_s: The pause doubles up to this.
        attempts: Failures in a row after which an entity counts as failed.
        stable_s: A worker that served this long was no failed start when it ends.
    """

    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0
    attempts: int = 5
    stable_s: float = 30.0

    def delay_s(self, failures: int) -> float:
        """How long to wait after that many failures in a row, with jitter."""
        if failures >= self.attempts:
            return self.longest_delay_s * random.uniform(0.8, 1.0)
        if failures <= 1:
            return 0.0
        delay = self.first_delay_s * 2.0 ** (failures - 2)
        return min(delay, self.longest_delay_s) * random.uniform(0.8, 1.0)


USUAL_PACE = Pace()
