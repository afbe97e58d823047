"""A lock between the processes of one machine that goes with the process that holds it."""

import fcntl
import logging
import time
from collections.abc import Callable

from lakeserve.gateway.circuit import Circuit

logger = logging.getLogger(__name__)

_TRY = fcntl.LOCK_EX | fcntl.LOCK_NB
# The lock is held for microseconds, or as long as its holder does not get a processor. Pauses are
# counted, not timed: processes that are stopped together, holder and waiters, go on together. With
# what sleeping takes beside they are about half a second.
_PAUSES = (0.0,) * 10 + (0.0001,) * 3000


class WindowsBusy(Exception):
    """The windows cannot be had now."""


class MappedLock:
    """Held while windows are read and written; a context manager, which is not entered twice.

    A holder that was stopped in the middle, not killed, keeps it. Nobody waits long for that one:
    after half a second it is not to be had for a pause, and the next pause is longer.

    Args:
        file: Descriptor of the file. No other lock of this process may be on it.
        clock: Seconds that only grow.
    """

    def __init__(self, file: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._circuit: Circuit | None = None

    def __enter__(self) -> None:
        circuit = self._circuit
        if circuit is not None and not circuit.admits():
            raise WindowsBusy
        try:
            fcntl.flock(self._file, _TRY)
        except OSError:
            self._wait()
        if circuit is not None:
            logger.warning("rate limits of all gateway processes count together again")
            self._circuit = None

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _wait(self) -> None:
        # The event loop stands still: it is short, and no call could be decided on meanwhile.
        reason: OSError | None = None
        for pause in _PAUSES:
            time.sleep(pause)
            try:
                fcntl.flock(self._file, _TRY)
                return
            except OSError as error:
                reason = error
        if self._circuit is None:
            self._circuit = Circuit(self._clock, tolerated=1)
            logger.warning(
                "rate limits count in this process alone: another one holds those of all: %s",
                reason,
            )
        self._circuit.failed()
        raise WindowsBusy
