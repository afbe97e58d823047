"""Bounded concurrency: a few generations at a time, a bounded queue behind them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lakeserve.workers.serve.errors import ApiError

QUEUE_PER_SLOT = 64


class Slots:
    """Hands out the engine's slots in the order of asking."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.queue_limit = count * QUEUE_PER_SLOT
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
                f"{waiting} generations wait for this model already and the queue holds "
                f"{self.queue_limit}. Try again later.",
                kind="rate_limit_error",
                code="queue_full",
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
