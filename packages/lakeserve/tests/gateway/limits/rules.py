"""What every limiter must do, wherever it counts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from gateway.stage import endpoint
from lakeserve.core.ai_gateway import AiGateway, RateLimit
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import TooManyRequests
from lakeserve.core.identity import Principal
from lakeserve.gateway.seams import Limiter

ANN = Principal("1", "ann", "Ann", groups=("red", "blue"))
BEN = Principal("2", "ben", "Ben", groups=("red",))
CID = Principal("3", "cid", "Cid")

Pass = Callable[[float], Awaitable[None]]


def limited(*limits: RateLimit, name: str = "e") -> RoutableEndpoint:
    return replace(endpoint(name, "llm/v1/chat"), ai_gateway=AiGateway(rate_limits=limits))


async def passes(limiter: Limiter, where: RoutableEndpoint, who: Principal = ANN) -> bool:
    try:
        await limiter.reserve(where, who, 0)
    except TooManyRequests:
        return False
    return True


async def refused(
    limiter: Limiter, where: RoutableEndpoint, who: Principal = ANN
) -> TooManyRequests:
    with pytest.raises(TooManyRequests) as caught:
        await limiter.reserve(where, who, 0)
    assert caught.value.retry_after is not None
    return caught.value


class Rules:
    """Tests of a ``limiter`` fixture; ``settled`` waits until what was settled counts."""

    async def settled(self, limiter: Limiter) -> None:
        await asyncio.sleep(0)

    async def test_calls(self, limiter: Limiter) -> None:
        where = limited(RateLimit("endpoint", calls=3))
        assert [await passes(limiter, where) for _ in range(5)] == [True] * 3 + [False] * 2
        error = await refused(limiter, where)
        assert "(RPM) rate limit exceeded." in error.message
        assert 59 <= (error.retry_after or 0) <= 61

    async def test_endpoints_do_not_share(self, limiter: Limiter) -> None:
        one, two = (limited(RateLimit("endpoint", calls=1), name=name) for name in "ab")
        assert await passes(limiter, one)
        assert await passes(limiter, two)
        assert not await passes(limiter, one)

    async def test_each_user_has_its_own_default(self, limiter: Limiter) -> None:
        where = limited(RateLimit("user", calls=1))
        assert await passes(limiter, where, ANN)
        assert await passes(limiter, where, BEN)
        assert "for user" in (await refused(limiter, where, ANN)).message

    async def test_members_share_the_limit_of_a_group(self, limiter: Limiter) -> None:
        where = limited(RateLimit("user_group", calls=2, principal="red"))
        assert await passes(limiter, where, ANN)
        assert await passes(limiter, where, BEN)
        assert "for user group" in (await refused(limiter, where, ANN)).message
        assert await passes(limiter, where, CID)

    async def test_a_member_of_several_groups_needs_room_in_one(self, limiter: Limiter) -> None:
        groups = [
            RateLimit("user_group", calls=n, principal=g) for g, n in (("red", 1), ("blue", 3))
        ]
        where = limited(*groups)
        assert [await passes(limiter, where, ANN) for _ in range(4)] == [True] * 3 + [False]
        assert not await passes(limiter, where, BEN)

    async def test_the_endpoint_limit_always_counts(self, limiter: Limiter) -> None:
        mine = RateLimit("user", calls=100, principal="ann")
        where = limited(RateLimit("endpoint", calls=1), mine)
        assert await passes(limiter, where, BEN)
        assert not await passes(limiter, where, ANN)

    async def test_refused_calls_take_nothing(self, limiter: Limiter) -> None:
        where = limited(RateLimit("endpoint", calls=2), RateLimit("user", calls=1))
        assert await passes(limiter, where, ANN)
        for _ in range(5):
            assert not await passes(limiter, where, ANN)
        assert await passes(limiter, where, BEN)

    @pytest.mark.parametrize("kind", ["calls", "tokens"])
    async def test_nothing_passes_a_limit_of_0(self, limiter: Limiter, kind: str) -> None:
        nothing: dict[str, Any] = {kind: 0}
        error = await refused(limiter, limited(RateLimit("endpoint", **nothing)))
        assert error.retry_after == 60

    async def test_the_estimate_counts_until_the_truth_is_known(self, limiter: Limiter) -> None:
        where = limited(RateLimit("endpoint", tokens=100))
        first = await limiter.reserve(where, ANN, 100)
        assert "(TPM)" in (await refused(limiter, where)).message
        first.settle(40)
        await self.settled(limiter)
        second = await limiter.reserve(where, ANN, 10)
        second.settle(60)
        await self.settled(limiter)
        assert not await passes(limiter, where)

    async def test_a_call_larger_than_its_limit_is_not_refused_for_ever(
        self, limiter: Limiter
    ) -> None:
        where = limited(RateLimit("endpoint", tokens=10))
        (await limiter.reserve(where, ANN, 5000)).settle(3)
        await self.settled(limiter)
        assert await passes(limiter, where)

    async def test_what_cost_nothing_takes_nothing(self, limiter: Limiter) -> None:
        where = limited(RateLimit("endpoint", tokens=10))
        (await limiter.reserve(where, ANN, 10)).settle(0)
        await self.settled(limiter)
        assert await passes(limiter, where)

    async def test_no_limits(self, limiter: Limiter) -> None:
        (await limiter.reserve(endpoint("free", "llm/v1/chat"), ANN, 1)).settle(1)

    async def test_many_at_once(self, limiter: Limiter) -> None:
        where = limited(RateLimit("endpoint", calls=50))
        passed = await asyncio.gather(*(passes(limiter, where) for _ in range(200)))
        assert sum(passed) == 50
