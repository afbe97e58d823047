"""A lock of the kernel, taken through two descriptors as two processes would."""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lakeserve.gateway.circuit import FIRST_PAUSE_S
from lakeserve.gateway.limits.mapped_lock import MappedLock, WindowsBusy


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[int, int]]:
    path = tmp_path / "f"
    one, other = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    yield one, other
    os.close(one)
    os.close(other)


def test_one_at_a_time(files: tuple[int, int]) -> None:
    one, other = files
    seen = []

    def hold() -> None:
        with MappedLock(other):
            seen.append("taken")
            time.sleep(0.05)
            seen.append("given back")

    thread = threading.Thread(target=hold)
    thread.start()
    while not seen:
        time.sleep(0.001)
    with MappedLock(one):
        seen.append("taken after it")
    thread.join()
    assert seen == ["taken", "given back", "taken after it"]


def test_a_holder_that_hangs_is_waited_for_once_per_pause(
    files: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = files
    clock = Clock()
    lock = MappedLock(one, clock)
    fcntl.flock(other, fcntl.LOCK_EX)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(WindowsBusy), lock:
                pass
        fcntl.flock(other, fcntl.LOCK_UN)
        with pytest.raises(WindowsBusy), lock:  # the pause is not over
            pass
        clock.now += FIRST_PAUSE_S
        with lock:
            pass
        with lock:
            pass
    assert caplog.text.count("count in this process alone") == 1
    assert caplog.text.count("count together again") == 1
