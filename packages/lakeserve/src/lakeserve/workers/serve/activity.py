"""How busy a worker is, for those who decide whether it may sleep."""

import time
from collections.abc import Callable


class Activity:
    """Counts the calls that are being answered; a context that stands for one of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._active = 0
        self._idle_since = clock()

    def __enter__(self) -> None:
        self._active += 1

    def __exit__(self, *_: object) -> None:
        self._active -= 1
        self._idle_since = self._clock()

    def seen(self) -> dict[str, float]:
        """``active`` calls and ``idle_s`` seconds since the last one, as health probes read it."""
        idle_s = 0.0 if self._active else self._clock() - self._idle_since
        return {"active": self._active, "idle_s": round(idle_s, 3)}
