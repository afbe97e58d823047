"""Tests of predictions that take turns."""

import asyncio
import threading
import time
from collections.abc import Iterator
from functools import partial

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

    turns = Turns(4, patience_s=20)
    assert set(await asyncio.gather(*(turns.run(work) for _ in range(50)))) == {1}


async def test_work_begins_in_order() -> None:
    begun: list[int] = []
    turns = Turns(2, patience_s=20)
    await asyncio.gather(*(turns.run(partial(begun.append, n)) for n in range(20)))
    assert begun == list(range(20))


async def test_work_that_waits_holds_nobody_up() -> None:
    together = threading.Barrier(3)
    turns = Turns(3, patience_s=0.001)
    for _ in range(5):
        waits = (turns.run(lambda: together.wait(20)) for _ in range(3))
        assert sorted(await asyncio.gather(*waits)) == [0, 1, 2]


async def test_no_more_threads_than_allowed() -> None:
    running, most, lock, gate = 0, 0, threading.Lock(), threading.Event()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if most == 2:
                threading.Timer(0.05, gate.set).start()
        gate.wait(20)
        with lock:
            running -= 1

    turns = Turns(2, patience_s=0.001)
    await asyncio.gather(*(turns.run(work) for _ in range(6)))
    assert most == 2
    assert await turns.run(lambda: 1) == 1


async def test_the_turn_comes_back_to_a_thread_that_lost_it() -> None:
    turns = Turns(1, patience_s=0.001)
    await turns.run(partial(time.sleep, 0.05))
    assert await asyncio.gather(*(turns.run(partial(int, n)) for n in range(3))) == [0, 1, 2]


async def test_the_turn_passes_on_after_failures_and_callers_who_leave() -> None:
    begun, gate = threading.Event(), threading.Event()

    def fail() -> None:
        raise ValueError("no")

    def wait() -> None:
        begun.set()
        gate.wait(20)

    turns = Turns(1, patience_s=20)
    with pytest.raises(ValueError, match="no"):
        await turns.run(fail)
    with pytest.raises(SystemExit):
        await turns.run(lambda: exec("raise SystemExit"))
    nothing: Iterator[int] = iter(())
    with pytest.raises(RuntimeError, match="StopIteration"):
        await turns.run(lambda: next(nothing))
    left = turns.run(wait)
    await asyncio.to_thread(begun.wait, 20)
    left.cancel()
    done: list[int] = []
    never = turns.run(lambda: done.append(1))
    never.cancel()
    last = turns.run(lambda: done.append(2))
    gate.set()
    await last
    assert done == [2]
