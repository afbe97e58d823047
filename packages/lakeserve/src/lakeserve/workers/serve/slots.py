"""Bounded concurrency: a few generations at a time, a bounded queue behind them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lakeserve.workers.serve.errors import ApiError

DEFAULT_QUEUE = 256
# Nobody knows how long a generation takes; a second is what the quick ones do.
RETRY_AFTER_S = 1


class Slots:
    """Hands out the engine's slots in the order of asking."""

    def __init__(self, count: int, queue_limit: int = DEFAULT_QUEUE) -> None:
        self.count = count
        self.queue_limit = queue_limit
        self._free = asyncio.Semaphore(count)
        self._claimed = 0

    @property
    def claimed(self) -> int:
        """Generations that run or wait."""
        return self._claimed

    def admit(self, generations: int) -> None:
        """Refuse what the queue has no room for.

        Raises:
            ApiError: 429, the queue is full.
        """
        waiting = max(0, self._claimed - self.count)
        if waiting + generations > self.queue_limit and self._claimed >= self.count:
            raise ApiError(
                429,
                f"This model answers {self.count} requests at a time; {waiting} wait already and"
                f" the queue holds {self.queue_limit}. Try again later.",
                kind="rate_limit_error",
                code="queue_full",
                retry_after_s=RETRY_AFTER_S,
            )

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot; waits for it."""
        self._claimed += 1
        try:
            async with self._free:
                yield
        finally:
            self._claimed -= 1
