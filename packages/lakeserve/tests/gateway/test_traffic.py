"""Which served entity answers, and who comes after it."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from gateway.stage import endpoint, target
from lakeserve.core.ai_gateway import AiGateway
from lakeserve.core.endpoints import RoutableEndpoint, Target
from lakeserve.core.errors import ResourceMissing, Unavailable
from lakeserve.gateway.traffic import order


def pick(of: RoutableEndpoint, entity: str | None) -> Target:
    (only,) = order(of, entity)
    return only


def test_the_only_one() -> None:
    one = target("a", None)
    assert pick(endpoint("e", "llm/v1/chat", one), None) is one


def test_shares() -> None:
    random.seed(7)
    both = endpoint("e", "llm/v1/chat", target("a", None, weight=80), target("b", None, weight=20))
    drawn = Counter(pick(both, None).entity_name for _ in range(2000))
    assert 1500 < drawn["a"] < 1700


def test_no_share_no_calls_unless_named() -> None:
    both = endpoint("e", "llm/v1/chat", target("a", None), target("b", None, weight=0))
    assert {pick(both, None).entity_name for _ in range(200)} == {"a"}
    assert pick(both, "b").entity_name == "b"


def test_who_cannot_serve_is_passed_over() -> None:
    broken = target("a", None, weight=99, failure="no such file")
    both = endpoint("e", "llm/v1/chat", broken, target("b", None, weight=1))
    assert {pick(both, None).entity_name for _ in range(100)} == {"b"}
    assert pick(both, "a") is broken
    assert pick(endpoint("e", "llm/v1/chat", broken), None) is broken


def test_the_others_follow_in_their_order() -> None:
    weights = {"a": 0, "b": 50, "c": 50, "d": 0}
    four = endpoint("e", "llm/v1/chat", *(target(n, None, weight=w) for n, w in weights.items()))
    falling = replace(four, ai_gateway=AiGateway(fallback=True))
    orders = {"".join(t.entity_name for t in order(falling, None)) for _ in range(200)}
    assert orders == {"bacd", "cabd"}
    assert [t.entity_name for t in order(falling, "d")] == ["d"]


def test_unknown_entity() -> None:
    with pytest.raises(ResourceMissing, match=r"'x'.*a, b"):
        order(endpoint("e", "llm/v1/chat", target("a", None), target("b", None)), "x")


def test_nobody() -> None:
    with pytest.raises(Unavailable, match="no served entity"):
        order(endpoint("e", "llm/v1/chat"), None)
