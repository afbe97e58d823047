"""When a worker that failed is started again. Pure: it decides and never sleeps."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The rhythm of starting again. Times are seconds.

    Attributes:
        first_pause_s: Pause after the second failure in a row; the first is followed by none.
        longest_pause_s: The pause doubles up to this.
        attempts: Starts that fail in a row until an entity counts as failed.
        crashes: Failures in a row, those of workers that had started among them, until an entity
            counts as failed.
        stable_s: A worker that served this long ends a row of failures.
    """

    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    attempts: int = 5
    crashes: int = 10
    stable_s: float = 30.0

    def is_hopeless(self, failed_starts: int, failures: int) -> bool:
        """Whether an entity counts as failed after so many failed starts and failures in a row."""
        return failed_starts >= self.attempts or failures >= self.crashes

    def pause_s(self, failures: int, failed: bool) -> float:
        """How long to wait after that many failures in a row, with jitter.

        Args:
            failures: At least 1.
            failed: Whether the entity counts as failed; it is tried again rarely then.
        """
        jitter = random.uniform(0.8, 1.0)
        if failed:
            return self.longest_pause_s * jitter
        if failures <= 1:
            return 0.0
        doublings = min(failures - 2, 30)
        return min(self.first_pause_s * 2.0**doublings, self.longest_pause_s) * jitter


USUAL_PACE = Pace()
