import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address, EntityState, LocalModel, ServedEntity
from lakeserve.core.errors import Unavailable
from lakeserve.reconcile.autoscaling import Demand, Range
from lakeserve.reconcile.entity import LocalEntity
from lakeserve.reconcile.heartbeat import Heartbeat
from lakeserve.reconcile.pace import Pace
from lakeserve.reconcile.replica import ASLEEP, READY
from lakeserve.reconcile.room import no_limit
from lakeserve.reconcile.scaler import Growth
from lakeserve.settings import AutoscalingSettings
from lakeserve.workers.fake import FakeRunner, FakeWorker
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.protocols import Pulse, Worker, WorkerSpec

Until = Callable[[Callable[[], bool]], Awaitable[None]]

WANTED = ServedEntity("1", "databricks-x", LocalModel("demo"), "m", "M.")
SOCKET = Address(uds="/s")
SPEC = WorkerSpec(
    "1", "m", LlamaProgram(Path("/m"), "m", "chat"), 1.0, Path("/sockets"), Path("/log")
)

QUICK_BEAT = Heartbeat(interval_s=0.01, timeout_s=0.01, idle_timeout_s=60, linger_s=0.05)
SLEEPY = ServedEntity("1", "n", LocalModel("demo"), "m", "M.", start="until-idle")
IDLE, BUSY = Pulse(idle_s=61), Pulse(active=1)


class Bench:
    """A runner, the entity that drives it, and every state it showed."""

    def __init__(
        self,
        pace: Pace,
        wanted: ServedEntity = WANTED,
        heartbeat: Heartbeat = QUICK_BEAT,
        replicas: int = 1,
        growth: Growth | None = None,
    ) -> None:
        self.runner = FakeRunner(address=SOCKET)
        self.numbers: list[int] = []
        self.shown: list[str] = []
        self.entity = LocalEntity(
            wanted, self._launch, pace, self._changed, self._answers, heartbeat, replicas, growth
        )

    async def serving(self, number: int, until: Until) -> None:
        """Wait until so many workers were started and the last one serves."""
        await until(lambda: len(self.runner.workers) == number and self.entity.address is not None)

    async def _launch(self, number: int) -> Worker:
        self.numbers.append(number)
        return await self.runner.start(SPEC)

    async def _answers(self, _address: Address) -> bool:
        return True

    def _changed(self) -> None:
        self.shown.append(self.entity.state.deployment.removeprefix("DEPLOYMENT_"))


async def test_every_step_is_shown(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=0.0))
    bench.entity.start()
    await bench.entity.settled()
    bench.runner.workers[0].crash("worker ended with signal SIGKILL")
    await until(lambda: len(bench.runner.workers) == 2 and bench.entity.state == READY)
    await bench.entity.stop(1.0)
    assert bench.shown == ["CREATING", "CREATING", "READY", "RECOVERING", "READY"]


async def test_a_worker_that_served_long_restarts_at_once(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=60.0, stable_s=0.0))
    bench.entity.start()
    for number in range(1, 5):
        await bench.serving(number, until)
        bench.runner.workers[-1].crash()
    await bench.serving(5, until)
    await bench.entity.stop(0.0)


async def test_a_worker_that_keeps_crashing_is_given_pauses(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=60.0, longest_pause_s=30.0))
    bench.entity.start()
    for number in (1, 2):
        await bench.serving(number, until)
        bench.runner.workers[-1].crash("worker ended with signal SIGSEGV")
    await until(lambda: bench.entity.address is None)
    with pytest.raises(Unavailable, match="SIGSEGV") as refused:
        await bench.entity.activate(0.05)
    assert refused.value.retry_after is not None
    assert 20 <= refused.value.retry_after <= 30
    assert len(bench.runner.workers) == 2
    await bench.entity.stop(0.0)


async def test_a_start_that_takes_too_long_is_a_failed_start(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=0.0, attempts=1))
    bench.runner.auto_ready = False
    bench.entity.start()
    await until(lambda: bench.entity.state.deployment == "DEPLOYMENT_FAILED")
    assert "not ready after 1 s" in bench.entity.state.message
    assert bench.runner.workers[0].stops == [0.0]
    assert bench.entity.is_settled
    await bench.entity.stop(0.0)


async def test_a_runner_that_refuses_fails_the_entity_at_once() -> None:
    bench = Bench(Pace())
    bench.runner.refusal = "no processes left"
    bench.entity.start()
    await bench.entity.settled()
    assert bench.shown == ["CREATING", "CREATING", "FAILED"]
    assert bench.entity.state.message == "no processes left"
    await bench.entity.stop(0.0)


async def test_a_worker_whose_readiness_breaks_is_not_left_behind(
    until: Until, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_worker: FakeWorker) -> None:
        raise OSError("no file handles")

    monkeypatch.setattr(FakeWorker, "ready", broken)
    bench = Bench(Pace(attempts=1))
    bench.entity.start()
    await until(lambda: bench.entity.is_settled)
    assert bench.entity.state.message == "OSError: no file handles"
    assert bench.runner.workers[0].stops == [0.0]
    assert "Traceback" in caplog.text
    await bench.entity.stop(0.0)


async def test_a_sleeping_entity_stays_asleep_until_it_is_called() -> None:
    asleep = ServedEntity("1", "n", LocalModel("demo"), "m", "M.", start="on-demand")
    bench = Bench(Pace(), asleep)
    bench.entity.start(asleep=True)
    await asyncio.sleep(0.02)
    assert (bench.entity.state, bench.runner.workers) == (ASLEEP, [])
    assert await bench.entity.activate(1.0) == SOCKET
    await bench.entity.stop(0.0)


async def test_stopping_what_never_started() -> None:
    await Bench(Pace()).entity.stop(1.0)


async def test_an_idle_worker_sleeps_until_the_next_call(until: Until) -> None:
    bench = Bench(Pace(), SLEEPY)
    bench.entity.start()
    await bench.serving(1, until)
    bench.runner.workers[0].says = IDLE
    await until(lambda: bench.runner.workers[0].stops == [10.0])
    assert (bench.entity.state, bench.entity.addresses) == (ASLEEP, ())
    await asyncio.sleep(0.05)
    assert len(bench.runner.workers) == 1

    assert await bench.entity.activate(1.0) == SOCKET
    assert len(bench.runner.workers) == 2
    assert bench.entity.state == READY
    assert bench.shown == ["CREATING", "CREATING", "READY", "READY", "READY", "READY"]
    await bench.entity.stop(0.0)


async def test_a_call_that_comes_while_a_worker_falls_asleep_is_answered(until: Until) -> None:
    bench = Bench(Pace(), SLEEPY, Heartbeat(interval_s=0.01, idle_timeout_s=60, linger_s=30))
    bench.entity.start()
    await bench.serving(1, until)
    bench.runner.workers[0].says = IDLE
    await until(lambda: bench.entity.state == ASLEEP)
    bench.runner.workers[0].says = BUSY
    assert await bench.entity.activate(1.0) == SOCKET
    assert (len(bench.runner.workers), bench.runner.workers[0].stops) == (1, [])
    await bench.entity.stop(0.0)


async def test_a_call_that_found_the_old_address_keeps_the_worker(until: Until) -> None:
    bench = Bench(Pace(), SLEEPY)
    bench.entity.start()
    await bench.serving(1, until)
    bench.runner.workers[0].says = IDLE
    await until(lambda: bench.entity.state == ASLEEP)
    bench.runner.workers[0].says = BUSY
    await until(lambda: bench.entity.state == READY)
    assert bench.entity.addresses == (SOCKET,)
    assert bench.runner.workers[0].stops == []
    await bench.entity.stop(0.0)


async def test_eager_workers_never_sleep(until: Until) -> None:
    bench = Bench(Pace())
    bench.entity.start()
    await bench.serving(1, until)
    bench.runner.workers[0].says = IDLE
    probes = bench.runner.workers[0].probes
    await until(lambda: bench.runner.workers[0].probes > probes + 3)
    assert bench.entity.address == SOCKET
    await bench.entity.stop(0.0)


async def test_a_hung_worker_is_replaced(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=0.0))
    bench.entity.start()
    await bench.serving(1, until)
    bench.runner.workers[0].says = None
    await bench.serving(2, until)
    assert bench.runner.workers[0].stops == [0.0]
    assert bench.shown == ["CREATING", "CREATING", "READY", "RECOVERING", "READY"]
    await bench.entity.stop(0.0)


async def test_one_missed_probe_is_no_reason(until: Until) -> None:
    bench = Bench(Pace())
    bench.entity.start()
    await bench.serving(1, until)
    worker = bench.runner.workers[0]
    for _ in range(4):
        probes, worker.says = worker.probes, None
        await until(lambda probes=probes: worker.probes > probes)  # type: ignore[misc]
        probes, worker.says = worker.probes, Pulse()
        await until(lambda probes=probes: worker.probes > probes)  # type: ignore[misc]
    assert bench.entity.state == READY
    await bench.entity.stop(0.0)


async def test_a_dead_replica_leaves_the_others_serving(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=0.0), replicas=3)
    bench.entity.start()
    await until(lambda: len(bench.entity.addresses) == 3)
    assert bench.entity.state == READY
    bench.runner.auto_ready = False
    bench.runner.workers[1].crash("worker ended with signal SIGKILL")
    await until(lambda: len(bench.entity.addresses) == 2)
    assert bench.entity.state == EntityState(
        "DEPLOYMENT_READY", "2 of 3 replicas serve. worker ended with signal SIGKILL"
    )
    assert bench.entity.is_settled
    await until(lambda: len(bench.runner.workers) == 4)
    bench.runner.workers[3].become_ready()
    await until(lambda: len(bench.entity.addresses) == 3)
    await bench.entity.stop(0.0)


async def test_replicas_sleep_together(until: Until) -> None:
    bench = Bench(Pace(), SLEEPY, replicas=2)
    bench.entity.start()
    await until(lambda: len(bench.entity.addresses) == 2)
    bench.runner.workers[0].says = IDLE
    probes = bench.runner.workers[0].probes
    await until(lambda: bench.runner.workers[0].probes > probes + 3)
    assert len(bench.entity.addresses) == 2
    bench.runner.workers[1].says = IDLE
    await until(lambda: all(worker.stops for worker in bench.runner.workers))
    await bench.entity.stop(0.0)


async def test_a_crash_loop_ends_in_failure_with_the_reason(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=0.0, crashes=3))
    bench.entity.start()
    for number in (1, 2, 3):
        await bench.serving(number, until)
        bench.runner.workers[-1].crash("worker ended with signal SIGSEGV")
    await until(lambda: bench.entity.state.deployment == "DEPLOYMENT_FAILED")
    assert bench.entity.state.message == "worker ended with signal SIGSEGV"
    await bench.entity.stop(0.0)


AT_ONCE = AutoscalingSettings(look_back_s=0, upscale_delay_s=0, downscale_delay_s=0)
FULL = Pulse(active=12)


def growth(least: int = 1, most: int = 3) -> Growth:
    return Growth(Demand(Range(least, most, 4.0), AT_ONCE), no_limit, drain_s=9.0)


async def test_replicas_follow_the_calls_and_are_drained(until: Until) -> None:
    bench = Bench(Pace(), growth=growth())
    bench.entity.start()
    await bench.serving(1, until)
    first = bench.runner.workers[0]
    first.says = FULL
    await until(lambda: len(bench.entity.addresses) == 3)
    assert bench.numbers == [0, 1, 2]
    assert bench.entity.state == READY

    first.says = Pulse(active=1)
    await until(lambda: len(bench.entity.addresses) == 1)
    second, third = bench.runner.workers[1:]
    assert second.stops == third.stops == []  # calls that are on their way still find them
    await until(lambda: second.stops == third.stops == [9.0])
    assert first.stops == []
    assert bench.entity.pids == (first.pid,)
    await bench.entity.stop(0.0)


async def test_replicas_that_do_not_serve_leave_first(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=0.0))
    bench.entity.start()
    await bench.serving(1, until)
    bench.entity.resize(3)
    await until(lambda: len(bench.entity.addresses) == 3)
    bench.runner.auto_ready = False
    bench.runner.workers[1].crash()
    await until(lambda: len(bench.runner.workers) == 4)
    bench.entity.resize(2)
    assert len(bench.entity.addresses) == 2
    await until(lambda: bench.runner.workers[3].stops == [0.0])
    assert [worker.stops for worker in bench.runner.workers[:3:2]] == [[], []]
    await bench.entity.stop(0.0)


async def test_a_replica_that_has_not_served_yet_ends_at_once(until: Until) -> None:
    bench = Bench(Pace(), heartbeat=Heartbeat(linger_s=60), growth=growth())
    bench.entity.start()
    await bench.serving(1, until)
    bench.runner.auto_ready = False
    bench.entity.resize(2)
    await until(lambda: len(bench.runner.workers) == 2)
    bench.entity.resize(1)
    await until(lambda: bench.runner.workers[1].stops == [0.0])
    await bench.entity.stop(0.0)


async def test_a_replica_that_leaves_keeps_its_number_to_itself(until: Until) -> None:
    bench = Bench(Pace(), heartbeat=Heartbeat(linger_s=60))
    bench.entity.start()
    await bench.serving(1, until)
    for size in (2, 1, 2):
        bench.entity.resize(size)
        await until(lambda size=size: len(bench.entity.addresses) == size)  # type: ignore[misc]
    assert bench.numbers == [0, 1, 2]
    await bench.entity.stop(3.0)
    assert [worker.stops for worker in bench.runner.workers] == [[3.0]] * 3


async def test_a_replica_that_crashes_while_it_leaves_is_not_started_again(until: Until) -> None:
    bench = Bench(Pace(first_pause_s=0.0))
    bench.entity.start()
    await bench.serving(1, until)
    bench.entity.resize(2)
    await until(lambda: len(bench.entity.addresses) == 2)
    bench.entity.resize(1)
    bench.runner.workers[1].crash()
    await asyncio.sleep(3 * QUICK_BEAT.linger_s)
    assert len(bench.runner.workers) == 2
    await bench.entity.stop(0.0)


async def test_sleep_leaves_as_many_as_always_run(until: Until) -> None:
    bench = Bench(Pace(), SLEEPY)
    bench.entity.start()
    await bench.serving(1, until)
    bench.entity.resize(3)
    await until(lambda: len(bench.entity.addresses) == 3)
    for worker in bench.runner.workers:
        worker.says = IDLE
    await until(lambda: all(worker.stops for worker in bench.runner.workers))
    assert (bench.entity.state, bench.entity.size, bench.entity.is_awake) == (ASLEEP, 1, False)
    assert await bench.entity.activate(1.0) == SOCKET
    assert len(bench.runner.workers) == 4
    await bench.entity.stop(0.0)


async def test_calls_that_wait_for_the_first_worker_bring_more(until: Until) -> None:
    bench = Bench(Pace(), SLEEPY, growth=growth())
    bench.runner.auto_ready = False
    bench.entity.start(asleep=True)
    calls = [asyncio.create_task(bench.entity.activate(5.0)) for _ in range(9)]
    await until(lambda: len(bench.runner.workers) == 3)
    assert bench.entity.calls == 9
    for worker in bench.runner.workers:
        worker.become_ready()
    assert await asyncio.gather(*calls) == [SOCKET] * 9
    assert bench.entity.calls == 0
    await bench.entity.stop(0.0)


async def test_calls_between_two_probes_are_counted_exactly(until: Until) -> None:
    bench = Bench(Pace(), heartbeat=Heartbeat(interval_s=0.05, timeout_s=1))
    bench.entity.start()
    await bench.serving(1, until)
    worker = bench.runner.workers[0]
    worker.says = Pulse(active=0, busy_s=0.0)
    await until(lambda: worker.probes >= 2)
    worker.says = Pulse(active=0, busy_s=1000.0)  # many short calls, none at this moment
    await until(lambda: bench.entity.calls > 100)
    await until(lambda: bench.entity.calls == 0)
    await bench.entity.stop(0.0)
