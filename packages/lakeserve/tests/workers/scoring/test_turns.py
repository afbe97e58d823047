"""Tests of predictions that take turns."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from lakeserve.workers.scoring.turns import Turns


async def test_quick_work_runs_one_after_the_other() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work() -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return most

    with ThreadPoolExecutor(4) as pool:
        turns = Turns(pool, patience_s=20)
        assert set(await asyncio.gather(*(turns.run(work) for _ in range(50)))) == {1}


async def test_work_that_waits_holds_nobody_up() -> None:
    together = threading.Barrier(3)
    with ThreadPoolExecutor(3) as pool:
        turns = Turns(pool, patience_s=0.001)
        waits = (turns.run(lambda: together.wait(20)) for _ in range(3))
        assert sorted(await asyncio.gather(*waits)) == [0, 1, 2]


async def test_the_turn_passes_on_after_failures_and_callers_who_leave() -> None:
    gate = threading.Event()

    def fail() -> None:
        raise ValueError("no")

    with ThreadPoolExecutor(2) as pool:
        turns = Turns(pool, patience_s=20)
        with pytest.raises(ValueError, match="no"):
            await turns.run(fail)
        left = asyncio.ensure_future(turns.run(lambda: gate.wait(20)))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait((left,))
        assert await turns.run(lambda: 1) == 1
        gate.set()
