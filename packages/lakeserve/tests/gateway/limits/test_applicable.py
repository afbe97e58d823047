"""Who is limited by what."""

from typing import Any

import pytest
from lakeserve.core.ai_gateway import RateLimit
from lakeserve.core.identity import Principal
from lakeserve.gateway.limits.applicable import Limit, requirements

ANN = Principal("1", "ann", "Ann", groups=("red", "blue"))
ADMIN = Principal("2", "root", "Root", admin=True)
BOT = Principal("3", "app-1", "Bot")

ENDPOINT = RateLimit("endpoint", calls=100)
DEFAULT = RateLimit("user", calls=10)
RED = RateLimit("user_group", calls=20, principal="red")
BLUE = RateLimit("user_group", tokens=30, principal="blue")
ANNS = RateLimit("user", calls=5, principal="ann")
BOTS = RateLimit("service_principal", tokens=7, principal="app-1")
ALL = (ENDPOINT, DEFAULT, RED, BLUE, ANNS, BOTS)


def keys(limits: tuple[RateLimit, ...], caller: Principal) -> list[list[str]]:
    return [[one.key for one in need.alternatives] for need in requirements(limits, caller)]


@pytest.mark.parametrize(
    ("limits", "caller", "found"),
    [
        ((), ANN, []),
        ((ENDPOINT,), ANN, [["endpoint"]]),
        (ALL, ANN, [["endpoint"], ["user:ann"]]),
        (ALL, BOT, [["endpoint"], ["service_principal:app-1"]]),
        (ALL, ADMIN, [["endpoint"], ["user:root"]]),
        ((DEFAULT, RED, BLUE), ANN, [["user_group:red", "user_group:blue"]]),
        ((DEFAULT, RED), BOT, [["user:app-1"]]),
        ((RED,), BOT, []),
        ((ANNS,), BOT, []),
        ((RateLimit("user_group", calls=1, principal="admins"),), ADMIN, [["user_group:admins"]]),
        ((RateLimit("user_group", calls=1, principal="admins"),), ANN, []),
        ((RateLimit("user_group", calls=1, principal="users"),), BOT, [["user_group:users"]]),
    ],
)
def test_precedence(
    limits: tuple[RateLimit, ...], caller: Principal, found: list[list[str]]
) -> None:
    assert keys(limits, caller) == found


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ([{"calls": 3}, {"tokens": 4}], (3, 4)),
        ([{"calls": 3}, {"calls": 2}], (2, None)),
        ([{"tokens": 0}], (None, 0)),
    ],
)
def test_calls_and_tokens_together(given: list[dict[str, Any]], limit: tuple[Any, Any]) -> None:
    (need,) = requirements([RateLimit("endpoint", **one) for one in given], ANN)
    assert need.alternatives == (Limit("endpoint", *limit),)
    assert need.whose == "endpoint"


def test_whose_it_is() -> None:
    whose = [need.whose for need in requirements(ALL, BOT)]
    assert whose == ["endpoint", "service_principal"]
