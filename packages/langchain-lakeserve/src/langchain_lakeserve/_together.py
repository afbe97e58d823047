"""Several awaited calls at once; the first failure ends the others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(calls: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Await all calls and return their results in order.

    Unlike `asyncio.gather` alone, it leaves no call running when one fails.
    """
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
