"""Predictions take turns, so that their threads do not fight for the interpreter."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

Result = TypeVar("Result")

# Longer than most models that only compute in Python; whoever takes longer may wait for something.
PATIENCE_S = 0.005


class Turns:
    """Runs work in threads, one piece after the other, without waiting for those that take long.

    Threads that compute at the same time cost more together than one after the other, because each
    wakes the others for the interpreter's lock. Work that waits for something else releases it, so
    after ``patience_s`` the next piece starts beside it, as far as the executor has threads.

    Args:
        pool: Runs the work.
        patience_s: How long the next piece of work waits for the one before.
    """

    def __init__(self, pool: Executor, patience_s: float = PATIENCE_S) -> None:
        self._pool = pool
        self._patience_s = patience_s
        self._turn = asyncio.Semaphore(1)

    async def run(self, work: Callable[[], Result]) -> Result:
        """What the work returns.

        Raises:
            Exception: What the work raises.
        """
        await self._turn.acquire()
        loop = asyncio.get_running_loop()
        holds = True

        def pass_on() -> None:
            nonlocal holds
            if holds:
                holds = False
                self._turn.release()

        timer = loop.call_later(self._patience_s, pass_on)
        try:
            return await loop.run_in_executor(self._pool, work)
        finally:
            timer.cancel()
            pass_on()
