import pytest
from lakeserve.core.endpoints import Scale
from lakeserve.reconcile.autoscaling import Demand, Range, range_of
from lakeserve.settings import AutoscalingSettings

SETTINGS = AutoscalingSettings(
    target_utilization=0.75, look_back_s=10, upscale_delay_s=10, downscale_delay_s=60
)
FOUR_EACH = Range(1, 5, 3.0)


def replay(demand: Demand, calls: list[float], present: int, start: float = 0.0) -> list[int]:
    """The replicas after each look, five seconds apart, each decision being acted on."""
    after = []
    for number, value in enumerate(calls):
        now = start + 5.0 * number
        demand.note(now, value)
        present = demand.replicas(now, present)
        after.append(present)
    return after


@pytest.mark.parametrize(
    ("calls", "wanted"), [(0, 1), (3, 1), (3.1, 2), (6, 2), (13, 5), (15.1, 5), (1000, 5)]
)
def test_replicas_for_so_many_calls(calls: float, wanted: int) -> None:
    assert FOUR_EACH.wanted(calls) == wanted


def test_the_range_is_the_scale_s() -> None:
    assert range_of(Scale(16, 1, most_replicas=4), SETTINGS) == Range(1, 4, 3.0)
    assert range_of(Scale(16, 2, most_replicas=4), SETTINGS) == Range(2, 4, 3.0)
    assert range_of(Scale(16, 2), SETTINGS) is None
    assert range_of(Scale(replicas=2), SETTINGS) is None


def test_lasting_calls_bring_replicas_after_the_delay() -> None:
    assert replay(Demand(FOUR_EACH, SETTINGS), [9.0] * 4, 1) == [1, 1, 3, 3]


def test_a_short_burst_brings_none() -> None:
    calls = [0.0, 0.0, 12.0, 0.0, 0.0, 0.0, 0.0]
    assert replay(Demand(FOUR_EACH, SETTINGS), calls, 1) == [1] * 7


def test_calls_that_grow_bring_as_many_as_were_wanted_all_the_time() -> None:
    # On average 0, 4, 6, 10, 15, 18 calls: 1, 2, 2, 4, 5, 5 replicas wanted.
    calls = [0.0, 4.0, 8.0, 12.0, 18.0, 18.0, 18.0, 18.0]
    assert replay(Demand(FOUR_EACH, SETTINGS), calls, 1) == [1, 1, 1, 2, 2, 4, 5, 5]


def test_replicas_leave_when_fewer_were_wanted_for_long() -> None:
    calls = [12.0] * 3 + [1.0] * 16
    # 4 are wanted until ten seconds, 3 at fifteen and 1 after that: each counts for a minute.
    after = replay(Demand(FOUR_EACH, SETTINGS), calls, 4)
    assert after == [4] * 15 + [3] + [1] * 3


def test_a_new_burst_keeps_the_replicas() -> None:
    calls = [12.0] * 3 + [0.0] * 11 + [12.0] * 4 + [0.0] * 11
    assert set(replay(Demand(FOUR_EACH, SETTINGS), calls, 4)) == {4}


def test_nobody_leaves_before_the_delay_was_seen() -> None:
    """A platform that has just started knows nothing of the minutes before."""
    assert set(replay(Demand(FOUR_EACH, SETTINGS), [0.0] * 12, 3)) == {3}


def test_sleep_makes_it_forget() -> None:
    demand = Demand(FOUR_EACH, SETTINGS)
    assert replay(demand, [9.0] * 3, 1) == [1, 1, 3]
    demand.forget()
    assert replay(demand, [9.0] * 2, 1, start=20.0) == [1, 1]


def test_looks_weigh_as_long_as_they_stand_for() -> None:
    demand = Demand(FOUR_EACH, SETTINGS)
    demand.note(0.0, 0.0)
    demand.note(1.0, 10.0)
    assert demand.note(5.0, 0.0) == pytest.approx(2.0)


def test_without_delays_every_look_counts() -> None:
    eager = AutoscalingSettings(
        target_utilization=0.75, look_back_s=0, upscale_delay_s=0, downscale_delay_s=0
    )
    assert replay(Demand(FOUR_EACH, eager), [9.0, 15.0, 0.0], 1) == [3, 5, 1]


def test_counts_stay_within_their_range() -> None:
    demand = Demand(Range(2, 3, 3.0), SETTINGS)
    assert replay(demand, [100.0] * 4, 2)[-1] == 3
    assert replay(demand, [0.0] * 20, 3, start=20.0)[-1] == 2
