"""Waits for what threads and processes do."""

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], object], timeout_s: float = 10) -> None:
    """Wait until the condition holds; fail after ``timeout_s`` seconds."""
    limit = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        await asyncio.sleep(0.001)
