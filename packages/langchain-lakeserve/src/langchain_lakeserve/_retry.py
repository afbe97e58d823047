"""Whether and when to try again; decides, never sleeps."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from langchain_lakeserve.errors import (
    AuthenticationError,
    ConnectionFailedError,
    DeadlineExceededError,
    LakeserveError,
    PermissionDeniedError,
    StatusError,
    StreamInterruptedError,
)

RETRIED_STATUSES = frozenset({408, 409, 429})
FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0


class Attempts:
    """The attempts of one call: how many are left, and how much time.

    Args:
        max_retries: How many times to try again after the first failure.
        timeout: Seconds for everything together, or None for no limit.
        clock: Seconds that only grow.
        jitter: A number in [0, 1).
    """

    def __init__(
        self,
        max_retries: int,
        timeout: float | None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._left = max_retries
        self._made = 0
        self._clock = clock
        self._jitter = jitter
        self._timeout = timeout
        self._deadline = None if timeout is None else clock() + timeout
        self._refreshed = False

    def remaining(self) -> float | None:
        """Say how many seconds are left, None for no limit.

        Raises:
            DeadlineExceededError: None are left.
        """
        if self._deadline is None:
            return None
        left = self._deadline - self._clock()
        if left <= 0:
            raise DeadlineExceededError(f"no answer within the timeout of {self._timeout} s")
        return left

    def wants_new_token(self, error: LakeserveError) -> bool:
        """Say, at most once per call, that the credential should be renewed."""
        if self._refreshed or not is_stale_token(error):
            return False
        self._refreshed = True
        return True

    def delay_after(self, error: LakeserveError) -> float:
        """Say how long to wait before the next attempt.

        Raises:
            LakeserveError: The given error, when there shall be no next attempt.
        """
        if self._left <= 0 or not is_transient(error):
            raise error
        self._left -= 1
        delay = self._backoff(getattr(error, "retry_after", None))
        self._made += 1
        if self._deadline is not None and self._clock() + delay >= self._deadline:
            raise error  # the server's own reason says more than "timeout"
        return delay

    def _backoff(self, asked: float | None) -> float:
        if asked is not None:
            return asked
        ceiling = min(LONGEST_DELAY, FIRST_DELAY * 2.0**self._made)
        return ceiling * (0.5 + 0.5 * self._jitter())


def is_transient(error: LakeserveError) -> bool:
    """Say whether the same call may succeed a little later."""
    if isinstance(error, StatusError):
        return error.status in RETRIED_STATUSES or (error.status >= 500 and error.status != 501)
    return isinstance(error, ConnectionFailedError) and not isinstance(
        error, StreamInterruptedError
    )


def is_stale_token(error: LakeserveError) -> bool:
    """Say whether a new access token may cure the error."""
    if isinstance(error, AuthenticationError):
        return True
    text = (isinstance(error, PermissionDeniedError) and error.server_text) or ""
    return "invalid access token" in text.lower()
