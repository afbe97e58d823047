"""Limits that processes of one machine count together: one rule for all, whoever is killed."""

import asyncio
import logging
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from gateway.limits import rule_breaker
from gateway.limits.rules import ANN, BEN, Rules, limited, passes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lakeserve.core.ai_gateway import RateLimit
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import TooManyRequests
from lakeserve.core.identity import Principal
from lakeserve.gateway.limits.local import LocalLimiter, Windows
from lakeserve.gateway.limits.machine import MachineLimiter, open_limiter
from lakeserve.gateway.limits.mapped import open_windows
from lakeserve.gateway.seams import Limiter, Reservation

TESTS = Path(__file__).parents[2]
THREE = limited(RateLimit("endpoint", calls=3))


@pytest.fixture
async def limiter(tmp_path: Path) -> AsyncIterator[MachineLimiter]:
    opened = open_limiter(tmp_path)
    yield opened
    opened.close()


class TestMachine(Rules):
    """Everything that holds anywhere."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SecondWindows(Windows):
    """In memory, and as coarse as those in the file."""

    ticks_per_second = 1


LIMITS = st.lists(
    st.builds(
        RateLimit,
        st.sampled_from(("endpoint", "user")),
        calls=st.none() | st.integers(1, 4),
        tokens=st.none() | st.integers(1, 60),
    ),
    min_size=1,
    max_size=3,
)
CALLS = st.lists(
    st.tuples(
        st.sampled_from((0.0, 0.3, 1.0, 17.0, 59.0, 62.0)),  # seconds later
        st.integers(0, 2),  # which process
        st.sampled_from((ANN, BEN)),
        st.integers(0, 30),  # estimated tokens
        st.none() | st.integers(0, 30),  # settled with, before the call after the next
    ),
    max_size=30,
)


async def outcome(
    limiter: Limiter, where: RoutableEndpoint, who: Principal, tokens: int
) -> tuple[Reservation | None, str, int | None]:
    try:
        return await limiter.reserve(where, who, tokens), "", None
    except TooManyRequests as error:
        return None, error.message, error.retry_after


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LIMITS, CALLS)
def test_several_decide_as_one_would(
    tmp_path: Path,
    limits: list[RateLimit],
    calls: list[tuple[float, int, Principal, int, int | None]],
) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    asyncio.run(decide(tmp_path, limits, calls))


async def decide(
    folder: Path,
    limits: list[RateLimit],
    calls: list[tuple[float, int, Principal, int, int | None]],
) -> None:
    where, clock = limited(*limits), Clock()
    processes = [MachineLimiter(open_windows(folder), clock) for _ in range(3)]
    model = LocalLimiter(SecondWindows(), clock)
    under_way: list[tuple[Reservation, Reservation, int]] = []
    for pause, number, who, estimate, used in calls:
        clock.now += pause
        mine, text, wait = await outcome(processes[number], where, who, estimate)
        expected, *words = await outcome(model, where, who, estimate)
        assert [text, wait] == words
        if len(under_way) > 1:
            one, other, tokens = under_way.pop(0)
            one.settle(tokens)
            other.settle(tokens)
        if mine is not None and expected is not None and used is not None:
            under_way.append((mine, expected, used))
    for each in processes:
        each.close()


@contextmanager
def process(folder: Path, limit: int, what: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, rule_breaker.__file__, str(folder), str(limit), what]
    started = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": str(TESTS)}
    )
    assert started.stdin is not None
    assert started.stdout is not None
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        started.stdin.close()
        started.stdout.close()


def begin(*processes: "subprocess.Popen[bytes]") -> None:
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == b"ready\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()


def passed(one: "subprocess.Popen[bytes]") -> int:
    """How many of its calls have passed, once it has ended."""
    assert one.stdout is not None
    return len(one.stdout.read())


def test_processes_together_pass_as_many_as_one_may(tmp_path: Path) -> None:
    limit = 20_000
    with (
        process(tmp_path, limit, "hammer") as one,
        process(tmp_path, limit, "hammer") as two,
        process(tmp_path, limit, "hammer") as three,
    ):
        begin(one, two, three)
        shares = [passed(each) for each in (one, two, three)]
    assert sum(shares) == limit
    assert all(shares)


def test_who_is_killed_takes_no_more_than_its_call_along(tmp_path: Path) -> None:
    limit, kills = 60_000, 4
    random_ = random.Random(1)
    with ExitStack() as stack:
        hammers = [
            stack.enter_context(process(tmp_path, limit, "hammer")) for _ in range(kills + 1)
        ]
        begin(*hammers)
        total = 0
        for victim in hammers[:kills]:
            assert victim.stdout is not None
            total += len(victim.stdout.read(random_.randint(1, 500)))
            victim.send_signal(signal.SIGKILL)
        shares = [passed(each) for each in hammers]
    assert limit - kills <= total + sum(shares) <= limit


def test_a_process_that_is_killed_holds_nobody_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = open_limiter(tmp_path)
    with process(tmp_path, 3, "hold") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holds\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert [asyncio.run(passes(limiter, THREE)) for _ in range(4)] == [True] * 3 + [False]
    assert not caplog.text
    limiter.close()


async def test_one_that_hangs_is_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = open_limiter(tmp_path)
    tokens = limited(RateLimit("endpoint", tokens=5), name="t")
    before = await limiter.reserve(tokens, ANN, 1)
    with process(tmp_path, 3, "hold") as holder, caplog.at_level(logging.WARNING):
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holds\n"
        assert [await passes(limiter, THREE) for _ in range(5)] == [True] * 3 + [False] * 2
        before.settle(100)
        assert caplog.text.count("count in this process alone") == 1
        holder.kill()
        holder.wait()
        many = limited(RateLimit("endpoint", calls=10_000))
        for _ in range(500):
            await limiter.reserve(many, ANN, 0)
            if "count together again" in caplog.text:
                break
            await asyncio.sleep(0.01)
    assert "count together again" in caplog.text
    assert await passes(limiter, tokens)  # the estimate has stayed
    limiter.close()
