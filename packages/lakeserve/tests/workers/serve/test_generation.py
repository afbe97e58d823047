import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest
from lakeserve.workers.serve.engine import EngineRequest
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.events import Event
from lakeserve.workers.serve.generation import Generation
from lakeserve.workers.serve.slots import Slots
from workers.scripted_engine import ScriptedEngine, chat_steps, too_long
from workers.waiting import until

REQUEST = EngineRequest("chat", {})


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


async def collect(generation: Generation) -> list[tuple[int, Event]]:
    async with aclosing(generation.events()) as events:
        return [item async for item in events]


async def test_all_choices_arrive_under_their_index(executor: ThreadPoolExecutor) -> None:
    engine = ScriptedEngine(chat_steps(*"abcdef" * 50))
    seen = await collect(Generation(engine, Slots(2), executor, [REQUEST] * 5))
    for index in range(5):
        assert "".join(event.text for at, event in seen if at == index) == "abcdef" * 50


async def test_an_error_of_one_choice_ends_all(executor: ThreadPoolExecutor) -> None:
    engine = ScriptedEngine([too_long(9, 5)])
    with pytest.raises(ApiError, match="9 tokens"):
        await collect(Generation(engine, Slots(2), executor, [REQUEST] * 3))


async def test_a_refusal_is_a_400(executor: ThreadPoolExecutor) -> None:
    engine = ScriptedEngine()
    engine.refusal = "bad grammar"
    with pytest.raises(ApiError, match="bad grammar") as caught:
        await collect(Generation(engine, Slots(1), executor, [REQUEST]))
    assert caught.value.status == 400


async def test_a_fault_of_the_engine_is_logged_and_reaches_the_caller(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    engine = ScriptedEngine()
    engine.fault = MemoryError("secret detail")
    with pytest.raises(ApiError) as caught:
        await collect(Generation(engine, Slots(1), executor, [REQUEST]))
    assert caught.value.status == 500
    assert "secret detail" not in caught.value.message
    assert "secret detail" in caplog.text


async def test_leaving_early_stops_the_engine_and_frees_the_slot(
    executor: ThreadPoolExecutor,
) -> None:
    engine, slots = ScriptedEngine(), Slots(1)
    engine.endless = True
    async with aclosing(Generation(engine, slots, executor, [REQUEST]).events()) as events:
        async for _, event in events:
            if event.text == "x":
                break
    await until(lambda: slots.claimed == 0)
    assert engine.stopped == 1


async def test_requests_that_wait_never_reach_the_engine_once_cancelled(
    executor: ThreadPoolExecutor,
) -> None:
    engine, slots = ScriptedEngine(), Slots(1)
    engine.release.clear()
    first = asyncio.ensure_future(collect(Generation(engine, slots, executor, [REQUEST])))
    second = asyncio.ensure_future(collect(Generation(engine, slots, executor, [REQUEST])))
    await asyncio.sleep(0.05)
    assert slots.claimed == 2
    second.cancel()
    await asyncio.wait([second])
    engine.release.set()
    await first
    await until(lambda: slots.claimed == 0)
    assert len(engine.requests) == 1


async def test_a_full_queue_refuses(executor: ThreadPoolExecutor) -> None:
    engine, slots = ScriptedEngine(), Slots(1, 3)
    engine.release.clear()
    full = [
        asyncio.ensure_future(collect(Generation(engine, slots, executor, [REQUEST])))
        for _ in range(1 + 3)
    ]
    await asyncio.sleep(0.05)
    with pytest.raises(ApiError) as caught:
        await collect(Generation(engine, slots, executor, [REQUEST]))
    assert (caught.value.status, caught.value.retry_after_s) == (429, 1)
    engine.release.set()
    await asyncio.gather(*full)
