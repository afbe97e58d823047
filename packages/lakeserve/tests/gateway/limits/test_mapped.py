"""Windows in a file: the same sums as in memory, from whichever table they are looked at."""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lakeserve.core.errors import ConfigurationError
from lakeserve.gateway.limits import mapped
from lakeserve.gateway.limits.mapped import LENGTH, MOST, NAME, NEAR, MappedWindows, open_windows
from lakeserve.gateway.limits.window import MemoryWindow

steps = st.lists(
    st.tuples(
        st.integers(0, 70),  # seconds later
        st.sampled_from("ab"),
        st.integers(0, 1),  # which process
        st.integers(0, 50),
        st.booleans(),  # and taken back
    ),
    max_size=40,
)


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[tuple[MappedWindows, MappedWindows]]:
    """What two processes have open."""
    both = open_windows(tmp_path), open_windows(tmp_path)
    yield both
    for each in both:
        each.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps, st.integers(1, 200))
def test_sums(
    tables: tuple[MappedWindows, MappedWindows],
    done: list[tuple[int, str, int, int, bool]],
    limit: int,
) -> None:
    empty(tables[0])
    model = {key: MemoryWindow(1) for key in "ab"}
    tick = 1000
    for pause, key, process, amount, is_taken_back in done:
        before, tick = tick, tick + pause
        window = tables[process].window(key)
        assert window.total(tick) == model[key].total(tick)
        for each in (window, model[key]):
            each.add(tick, amount)
            if is_taken_back:
                each.take_back(tick, amount)
                each.take_back(before - 1000, 1)  # long gone
        for table in tables:
            for name, expected in model.items():
                window = table.window(name)
                assert window.total(tick) == expected.total(tick)
                wait = expected.ticks_until_below(tick, limit)
                assert window.ticks_until_below(tick, limit) == wait


def empty(table: MappedWindows) -> None:
    for slot, key in enumerate(table.keys):
        if key:
            table.keys[slot] = table.newest[slot] = 0


def test_a_window_that_is_over_leaves_its_slot(tables: tuple[MappedWindows, MappedWindows]) -> None:
    one, other = tables
    window = one.window("a")
    window.add(1000, 5)
    slot = one.find(window._key)
    # All slots where it may lie are taken, and one is looked at less than a minute ago.
    for near in range(slot, slot + NEAR):
        one.keys[near] = one.keys[near] or -near
        one.newest[near] = max(one.newest[near], 1001)
    one.newest[slot] = 1000
    taker = MappedWindowOf(other, window._key % mapped.SLOTS)
    taker.add(1000 + LENGTH, 7)
    assert taker.total(1000 + LENGTH) == 7
    assert window.total(1000 + LENGTH) == 0
    window.take_back(1000, 5)
    assert taker.total(1000 + LENGTH) == 7


class MappedWindowOf(mapped.MappedWindow):
    """The window of another key with this home."""

    def __init__(self, table: MappedWindows, home: int) -> None:
        super().__init__(table, home + mapped.SLOTS)


def test_where_all_slots_are_in_use_the_oldest_goes(
    tables: tuple[MappedWindows, MappedWindows], caplog: pytest.LogCaptureFixture
) -> None:
    table, _ = tables
    for near in range(NEAR):
        mapped.MappedWindow(table, 7 + near * mapped.SLOTS).add(1000 + near // 2, 1)
    assert not caplog.text
    for more in range(2):
        mapped.MappedWindow(table, 7 + (NEAR + more) * mapped.SLOTS).add(1040, 1)
    assert caplog.text.count("begin anew too early") == 1
    sums = [mapped.MappedWindow(table, 7 + near * mapped.SLOTS).total(1040) for near in range(66)]
    assert sums == [0, 0] + [1] * 64


def test_any_number_can_be_announced(tables: tuple[MappedWindows, MappedWindows]) -> None:
    window = tables[0].window("a")
    window.add(1000, 10**30)
    assert tables[1].window("a").total(1000) == MOST
    window.take_back(1000, 10**30)
    assert window.total(1000) == 0


class Dies(Exception):
    """A process is killed here."""


class Mortal:
    """Words of a table whose process is killed before one of its writes."""

    def __init__(self, words: Any, life: list[int]) -> None:
        self.words, self.life = words, life

    def __getitem__(self, place: Any) -> Any:
        return self.words[place]

    def __setitem__(self, place: Any, value: Any) -> None:
        if not self.life[0]:
            raise Dies
        self.life[0] -= 1
        self.words[place] = value

    def release(self) -> None:
        self.words.release()


@pytest.mark.parametrize("passed", [0, 2, 100])
def test_half_a_change_does_no_harm(tmp_path: Path, passed: int) -> None:
    survivor = open_windows(tmp_path)
    for writes in range(100):
        victim = open_windows(tmp_path)
        life = [100]
        for name in ("keys", "newest", "totals", "amounts"):
            setattr(victim, name, Mortal(getattr(victim, name), life))
        empty(survivor)
        victim.window("a").add(1000, 3)
        victim.window("a").add(1001, 4)
        life[0] = writes
        tick, is_killed = 1001 + passed, False
        try:
            victim.window("a").add(tick, 5)
            victim.window("new").add(tick, 1)
        except Dies:
            is_killed = True
        victim.close()
        survivor.window("a").total(tick)
        # From the next tick on a sum is that of its amounts, the last of them or not among them.
        old = 7 if passed < LENGTH - 2 else 0
        assert survivor.window("a").total(tick + 1) in {old, old + 5}
        assert survivor.window("new").total(tick + 1) in {0, 1}
        if not is_killed:
            break
    assert writes > 6
    survivor.close()


def test_a_file_of_an_earlier_start_of_the_machine_begins_anew(tmp_path: Path) -> None:
    table = open_windows(tmp_path)
    table.window("a").add(1000, 5)
    table.close()
    again = open_windows(tmp_path)
    assert again.window("a").total(1000) == 5
    again.close()
    path = tmp_path / NAME
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("r+b") as file:
        file.seek(4)
        file.write(b"another boot")
    after = open_windows(tmp_path)
    assert after.window("a").total(1000) == 0
    assert not any(after.keys)
    after.close()


def test_a_file_that_was_cut_off_is_made_whole(tmp_path: Path) -> None:
    open_windows(tmp_path).close()
    os.truncate(tmp_path / NAME, 4096)
    table = open_windows(tmp_path)
    table.window("a").add(1000, 5)
    assert table.window("a").total(1000) == 5
    table.close()


def test_where_nothing_can_be_kept(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=os.strerror(errno.ENOENT)):
        open_windows(tmp_path / "nowhere")
    file = os.open(tmp_path / NAME, os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    with pytest.raises(ConfigurationError, match="another process holds it"):
        open_windows(tmp_path)
    os.close(file)
