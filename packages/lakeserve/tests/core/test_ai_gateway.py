"""Tests of what owners ask of the gateway."""

from lakeserve.core.ai_gateway import AiGateway


def test_nothing_is_asked_unless_it_is_said() -> None:
    asked = AiGateway()
    assert not asked.usage_tracking
    assert not asked.fallback
    assert asked.rate_limits == ()
    assert asked.routing.retries == 0
    assert asked.cache_ttl_s is None
