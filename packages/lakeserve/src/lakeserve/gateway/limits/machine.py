"""Rate limits that the gateway processes of one machine count together."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.identity import Principal
from lakeserve.gateway.limits.local import Counted, LocalLimiter, LocalReservation
from lakeserve.gateway.limits.mapped import MappedWindows, open_windows
from lakeserve.gateway.limits.mapped_lock import WindowsBusy

logger = logging.getLogger(__name__)


class MachineLimiter(LocalLimiter):
    """Counts in windows of all processes. While those cannot be had, each counts for itself.

    What a process has reserved that is killed stays until it leaves its windows, a minute later.

    Args:
        windows: Closed with this limiter.
        clock: Seconds that only grow, the same in all processes.
    """

    def __init__(self, windows: MappedWindows, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(windows, clock)
        self._mapped = windows
        self._alone = LocalLimiter(clock=clock)

    def reserve_now(
        self, endpoint: RoutableEndpoint, caller: Principal, tokens: int
    ) -> LocalReservation:
        """See ``LocalLimiter``."""
        try:
            return super().reserve_now(endpoint, caller, tokens)
        except WindowsBusy:
            return self._alone.reserve_now(endpoint, caller, tokens)

    def settle(self, counted: Sequence[Counted], tick: int, estimate: int, tokens: int) -> None:
        """See ``LocalLimiter``; when the windows cannot be had, the estimate stays its minute."""
        counted = [one for one in counted if one.tokens is not None]
        if counted:
            try:
                super().settle(counted, tick, estimate, tokens)
            except WindowsBusy:
                logger.debug("a rate limit keeps its estimate")

    def close(self) -> None:
        """Let go of the windows; the last call has been settled."""
        self._mapped.close()


def open_limiter(directory: Path) -> MachineLimiter:
    """A limiter that counts with all that are opened in this directory.

    Raises:
        ConfigurationError: Nothing can be kept there.
    """
    return MachineLimiter(open_windows(directory))
