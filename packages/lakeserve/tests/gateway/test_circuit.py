"""Upstreams that keep failing are left alone."""

from hypothesis import given
from hypothesis import strategies as st
from lakeserve.gateway.circuit import (
    FAILURES_TO_OPEN,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Circuit,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Circuit:
    circuit = Circuit(clock)
    for _ in range(FAILURES_TO_OPEN):
        assert circuit.admits()
        circuit.failed()
    return circuit


def test_some_failures_are_let_be() -> None:
    circuit = Circuit(Clock())
    for _ in range(FAILURES_TO_OPEN - 1):
        circuit.failed()
        assert circuit.admits()
    assert circuit.remaining_s == 0


def test_one_probe_per_pause() -> None:
    clock = Clock()
    circuit = opened(clock)
    assert not circuit.admits()
    assert circuit.remaining_s == FIRST_PAUSE_S
    clock.now += FIRST_PAUSE_S
    assert circuit.admits()
    assert not circuit.admits()


def test_each_failed_probe_doubles_the_pause() -> None:
    clock = Clock()
    circuit = opened(clock)
    pauses = []
    for _ in range(8):
        clock.now += circuit.remaining_s
        assert circuit.admits()
        circuit.failed()
        pauses.append(circuit.remaining_s)
    assert pauses[:3] == [2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S, 8 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_late_failures_of_calls_before_it_opened_change_nothing() -> None:
    clock = Clock()
    circuit = opened(clock)
    clock.now += 0.5
    for _ in range(20):
        circuit.failed()
    assert circuit.remaining_s == FIRST_PAUSE_S - 0.5


def test_a_probe_that_is_never_heard_of_again_blocks_nobody() -> None:
    clock = Clock()
    circuit = opened(clock)
    for _ in range(5):
        clock.now += LONGEST_PAUSE_S
        assert circuit.admits()


@given(st.lists(st.sampled_from(["admit", "fail", "wait"]), max_size=60))
def test_it_always_lets_a_call_through_in_time(steps: list[str]) -> None:
    clock = Clock()
    circuit = Circuit(clock)
    for step in steps:
        if step == "admit":
            circuit.admits()
        elif step == "fail":
            circuit.failed()
        else:
            clock.now += 0.4
    assert circuit.remaining_s <= LONGEST_PAUSE_S
    clock.now += circuit.remaining_s
    assert circuit.admits()
