"""Keeps repeated calls a small share of all calls, so that they cannot prolong an outage. Pure."""

SHARE = 0.2
BURST = 10.0
MAX_ENDPOINTS = 4096


class RetryBudget:
    """Repetitions that endpoints have left: each call earns a part of one."""

    def __init__(self) -> None:
        self._left: dict[str, float] = {}

    def earn(self, endpoint_id: str) -> None:
        """A call came in."""
        left = self._left
        left[endpoint_id] = min(left.get(endpoint_id, BURST) + SHARE, BURST)
        if len(left) > MAX_ENDPOINTS:  # most of them are gone; those that are not start anew
            left.clear()

    def spend(self, endpoint_id: str) -> bool:
        """Whether a call may be repeated."""
        left = self._left.get(endpoint_id, BURST)
        if left < 1.0:
            return False
        self._left[endpoint_id] = left - 1.0
        return True
