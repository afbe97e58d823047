import asyncio
import threading
from typing import Any

import numpy as np
import orjson
import pytest
from lakeserve.workers.scoring.batch_queue import BatchQueue
from lakeserve.workers.scoring.batched_model import BatchedModel, Outcome, Request
from lakeserve.workers.scoring.model import JSON, Scorable
from lakeserve.workers.scoring.turns import Turns
from workers.scoring.scripted_model import ARRAY_NAMES, Pyfunc, scoring_model

LONG_S = 100.0


@pytest.fixture
def turns() -> Turns:
    return Turns(1, LONG_S)


def queue_of(pyfunc: Pyfunc, turns: Turns, max_requests: int, max_wait_s: float) -> BatchQueue:
    model = BatchedModel(scoring_model(pyfunc, ARRAY_NAMES), 100)
    return BatchQueue(model, turns, max_requests, max_wait_s)


def ask(queue: BatchQueue, number: int) -> "asyncio.Future[Outcome]":
    body = orjson.dumps({"inputs": [number]})
    return asyncio.ensure_future(queue.ask(Request(body, JSON)))


def answer(number: int) -> bytes:
    return b'{"predictions":[%d]}' % number


def batches(pyfunc: Pyfunc) -> list[Any]:
    return [data.tolist() for data, _ in pyfunc.asked]


async def test_a_full_batch_does_not_wait(turns: Turns) -> None:
    pyfunc = Pyfunc()
    queue = queue_of(pyfunc, turns, 3, LONG_S)
    outcomes = await asyncio.gather(*(ask(queue, n) for n in range(6)))
    assert outcomes == [answer(n) for n in range(6)]
    assert batches(pyfunc) == [[0, 1, 2], [3, 4, 5]]


async def test_a_batch_that_does_not_fill_goes_after_a_while(turns: Turns) -> None:
    pyfunc = Pyfunc()
    queue = queue_of(pyfunc, turns, 3, 0.01)
    assert await asyncio.gather(*(ask(queue, n) for n in (1, 2))) == [answer(1), answer(2)]
    assert batches(pyfunc) == [[1, 2]]
    assert await ask(queue, 3) == answer(3)


async def test_latecomers_join_a_batch_that_waits_for_its_turn(turns: Turns) -> None:
    begun, gate = threading.Event(), threading.Event()

    def predict(data: Any) -> Any:
        begun.set()
        gate.wait(20)
        return data

    pyfunc = Pyfunc(predict)
    queue = queue_of(pyfunc, turns, 4, 0)
    first = ask(queue, 1)
    await asyncio.to_thread(begun.wait, 20)
    second = ask(queue, 2)
    await asyncio.sleep(0.02)  # its batch waits for its turn by now
    rest = [ask(queue, n) for n in (3, 4)]
    await asyncio.sleep(0.02)
    gate.set()
    assert await asyncio.gather(first, second, *rest) == [answer(n) for n in (1, 2, 3, 4)]
    assert batches(pyfunc) == [[1], [2, 3, 4]]


async def test_callers_who_leave_are_not_predicted(turns: Turns) -> None:
    pyfunc = Pyfunc()
    queue = queue_of(pyfunc, turns, 2, LONG_S)
    left = ask(queue, 1)
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait((left,))
    assert await ask(queue, 2) == answer(2)
    assert batches(pyfunc) == [[2]]


async def test_a_model_that_is_not_vectorised_waits_no_more(turns: Turns) -> None:
    pyfunc = Pyfunc(lambda data: float(np.sum(data)))
    queue = queue_of(pyfunc, turns, 2, LONG_S)
    both = await asyncio.gather(*(ask(queue, n) for n in (1, 2)))
    assert all(isinstance(each, Scorable) for each in both)
    assert await asyncio.wait_for(ask(queue, 3), 20) == b'{"predictions":3.0}'


async def test_a_fault_reaches_all_who_wait(turns: Turns) -> None:
    class Faulty(BatchedModel):
        def answer(self, requests: Any) -> list[Outcome]:
            raise KeyError("fault")

    queue = BatchQueue(Faulty(scoring_model(Pyfunc()), 9), turns, 2, LONG_S)
    outcomes = await asyncio.gather(ask(queue, 1), ask(queue, 2), return_exceptions=True)
    assert [type(each) for each in outcomes] == [KeyError, KeyError]
