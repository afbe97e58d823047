"""How busy a worker is, for those who decide whether it may sleep."""

import time
from collections.abc import Callable


class Activity:
    """Counts the calls that are being answered; a context that stands for one of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._active = 0
        self._busy_s = 0.0
        self._since = clock()

    def __enter__(self) -> None:
        self._count()
        self._active += 1

    def __exit__(self, *_: object) -> None:
        self._count()
        self._active -= 1

    def seen(self) -> dict[str, float]:
        """What health probes read.

        ``active`` calls, ``idle_s`` seconds since the last one, and ``busy_s``, the seconds that
        all calls have taken so far, those that are not over among them.
        """
        now = self._clock()
        idle_s = 0.0 if self._active else now - self._since
        busy_s = self._busy_s + self._active * (now - self._since)
        return {"active": self._active, "idle_s": round(idle_s, 3), "busy_s": round(busy_s, 3)}

    def _count(self) -> None:
        now = self._clock()
        self._busy_s += self._active * (now - self._since)
        self._since = now
