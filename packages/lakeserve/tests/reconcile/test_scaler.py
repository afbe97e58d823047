from collections.abc import Awaitable, Callable, Sequence

import pytest
from lakeserve.reconcile.autoscaling import Demand, Range
from lakeserve.reconcile.scaler import Scaler
from lakeserve.settings import AutoscalingSettings

Until = Callable[[Callable[[], bool]], Awaitable[None]]

AT_ONCE = AutoscalingSettings(look_back_s=0, upscale_delay_s=0, downscale_delay_s=0)
FOUR_EACH = Range(1, 5, 4.0)


class Entity:
    """Something with replicas, as the test says."""

    def __init__(self, calls: float) -> None:
        self.name = "mine"
        self.is_awake = True
        self.calls = calls
        self.size = 1
        self.pids: tuple[int, ...] = (7,)
        self.broken = False

    def resize(self, replicas: int) -> None:
        if self.broken:
            raise OSError("no file handles")
        self.size = replicas


class Machine:
    """Has room for so many more replicas."""

    def __init__(self, fits: int = 100) -> None:
        self.fits = fits
        self.asked: list[tuple[Sequence[int], int]] = []

    def __call__(self, pids: Sequence[int], more: int) -> int:
        self.asked.append((pids, more))
        return min(self.fits, more)


def scaler(entity: Entity, machine: Machine, interval_s: float = 0.01) -> Scaler:
    now = iter(range(1_000_000))
    demand = Demand(FOUR_EACH, AT_ONCE)
    return Scaler(entity, demand, machine, interval_s, lambda: float(next(now)))


def test_replicas_come_and_go_with_the_calls() -> None:
    entity, machine = Entity(11.0), Machine()
    looking = scaler(entity, machine)
    looking.look()
    assert (entity.size, machine.asked) == (3, [((7,), 2)])
    entity.calls = 5.0
    looking.look()
    assert (entity.size, len(machine.asked)) == (2, 1)  # nobody asks for room to shrink


def test_a_full_machine_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    entity, machine = Entity(20.0), Machine(fits=1)
    looking = scaler(entity, machine)
    looking.look()
    assert entity.size == 2
    machine.fits = 0
    looking.look()
    looking.look()
    assert entity.size == 2
    (warning,) = caplog.messages
    assert warning == (
        "entity mine: 4 more replicas are wanted, but the memory of this machine holds 1"
    )
    machine.fits = 100
    looking.look()
    assert entity.size == 5


def test_what_sleeps_is_left_alone() -> None:
    entity = Entity(20.0)
    entity.is_awake = False
    scaler(entity, Machine()).look()
    assert entity.size == 1


async def test_it_looks_again_after_a_fault(caplog: pytest.LogCaptureFixture, until: Until) -> None:
    entity = Entity(20.0)
    entity.broken = True
    looking = scaler(entity, Machine())
    looking.start()
    await until(lambda: bool(caplog.messages))
    assert caplog.messages[0] == "entity mine: its replicas were not counted"
    entity.broken = False
    await until(lambda: entity.size == 5)
    await looking.stop()
    await looking.stop()
