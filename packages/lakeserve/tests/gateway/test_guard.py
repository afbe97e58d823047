"""The end of calls before their time."""

import asyncio
from typing import Any

import pytest
from lakeserve.core.errors import DeadlineExceeded, Unavailable
from lakeserve.gateway.guard import WATCH_AFTER_S, CallGuard
from lakeserve.gateway.intake import CallerGone


async def for_ever() -> None:
    await asyncio.Event().wait()


async def leaves() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def test_in_time() -> None:
    with CallGuard(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)


@pytest.mark.parametrize("timeout_s", [0.0, 0.01, WATCH_AFTER_S + 0.01])
async def test_too_late(timeout_s: float) -> None:
    with pytest.raises(DeadlineExceeded, match="longer than"), CallGuard(timeout_s):
        await for_ever()


async def test_the_caller_leaves() -> None:
    async def guarded() -> None:
        with CallGuard(5) as guard:
            guard.watch(leaves)
            await for_ever()

    with pytest.raises(CallerGone):
        await guarded()


async def test_the_caller_has_left_before_the_watch_begins() -> None:
    async def guarded() -> None:
        with CallGuard(5) as guard:
            await asyncio.sleep(WATCH_AFTER_S * 1.5)
            guard.watch(leaves)
            await for_ever()

    with pytest.raises(CallerGone):
        await guarded()


async def test_only_the_first_reason_counts() -> None:
    async def guarded() -> None:
        with CallGuard(5) as guard:
            guard.cut_short(Unavailable("first"))
            guard.cut_short(CallerGone())
            await for_ever()

    with pytest.raises(Unavailable):
        await guarded()


async def test_ending_what_is_over_does_nothing() -> None:
    with CallGuard(5) as guard:
        pass
    guard.cut_short(CallerGone())
    await asyncio.sleep(0)


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def guarded() -> None:
        with CallGuard(5):
            await for_ever()

    task = asyncio.ensure_future(guarded())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="mine"), CallGuard(5):
        raise ValueError("mine")
