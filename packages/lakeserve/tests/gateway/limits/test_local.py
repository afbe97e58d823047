"""Limits counted in this process."""

from dataclasses import replace

import pytest
from gateway.limits.rules import ANN, Rules, limited, passes, refused
from lakeserve.core.ai_gateway import RateLimit
from lakeserve.gateway.limits import local
from lakeserve.gateway.limits.local import LocalLimiter, Windows


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def windows() -> Windows:
    return Windows()


@pytest.fixture
def limiter(clock: Clock, windows: Windows) -> LocalLimiter:
    return LocalLimiter(windows, clock)


class TestLocal(Rules):
    """Everything that holds anywhere."""


async def test_the_wait_is_honest(limiter: LocalLimiter, clock: Clock) -> None:
    where = limited(RateLimit("endpoint", calls=2))
    assert await passes(limiter, where)
    clock.now += 20
    assert await passes(limiter, where)
    clock.now += 10.3
    error = await refused(limiter, where)
    assert error.retry_after == 30
    clock.now += 29
    assert not await passes(limiter, where)
    clock.now += 1
    assert await passes(limiter, where)
    assert not await passes(limiter, where)


async def test_tokens_count_from_when_they_are_known(limiter: LocalLimiter, clock: Clock) -> None:
    where = limited(RateLimit("endpoint", tokens=10))
    reservation = await limiter.reserve(where, ANN, 1)
    clock.now += 100
    reservation.settle(50)
    assert (await refused(limiter, where)).retry_after == 61
    clock.now += 61
    assert await passes(limiter, where)


async def test_a_change_of_limits_counts_at_once(limiter: LocalLimiter) -> None:
    where = limited(RateLimit("endpoint", calls=1))
    assert await passes(limiter, where)
    assert not await passes(limiter, where)
    assert await passes(limiter, limited(RateLimit("endpoint", calls=2)))
    assert not await passes(limiter, limited(RateLimit("endpoint", calls=2)))


async def test_windows_are_forgotten(
    windows: Windows, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "SWEEP_EVERY", 50)
    limiter = LocalLimiter(windows, clock)
    where = limited(RateLimit("user", calls=5, tokens=None), RateLimit("user", tokens=1000))
    late = await limiter.reserve(where, ANN, 1)
    for number in range(500):
        await limiter.reserve(where, replace(ANN, name=f"user-{number}"), 1)
        clock.now += 3
    assert len(windows) < 250
    late.settle(2000)
    assert not await passes(limiter, where)
