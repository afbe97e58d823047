"""Rolling sums, against the plain list of what was added."""

from hypothesis import given
from hypothesis import strategies as st
from lakeserve.gateway.limits.window import SECONDS, MemoryWindow

LENGTH = SECONDS * 10 + 1

steps = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 50)), max_size=40)


@given(steps, st.integers(1, 200))
def test_sums(added: list[tuple[int, int]], limit: int) -> None:
    window = MemoryWindow(10)
    tick, model = 1000, [(0, 0)]
    for pause, amount in added:
        tick += pause
        window.add(tick, amount)
        model.append((tick, amount))
        assert window.total(tick) == sum(a for t, a in model if t > tick - LENGTH)
    wait = window.ticks_until_below(tick, limit)
    assert window.total(tick + wait) < limit
    if wait:
        again = MemoryWindow(10)
        for moment, amount in model:
            again.add(moment, amount)
        assert again.total(tick + wait - 1) >= limit


def test_it_is_never_shorter_than_a_minute() -> None:
    window = MemoryWindow(10)
    window.add(1009, 1)
    assert window.total(1009 + 600) == 1
    assert window.total(1009 + 601) == 0
    assert window.is_idle(1009 + 601)


def test_taking_back() -> None:
    window = MemoryWindow(10)
    window.add(5, 7)
    window.take_back(5, 4)
    assert window.total(5) == 3
    window.take_back(4, 9)
    assert window.total(5) == 3
    assert window.total(5 + LENGTH) == 0
    window.take_back(5, 3)
    assert window.total(5 + LENGTH) == 0
