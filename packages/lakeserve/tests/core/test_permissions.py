import pytest
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.grants import EVERYONE, NOBODY, Grant, Level
from lakeserve.core.identity import Principal
from lakeserve.core.permissions import level_of, who_may

BUILT_IN = Endpoint("i", "n", "llm/v1/chat", "FOUNDATION_MODEL_API", "System-User", 1, 1, ())


def endpoint(*grants: Grant) -> Endpoint:
    return Endpoint("i", "n", "llm/v1/chat", "EXTERNAL_MODEL", "owner", 1, 1, (), grants=grants)


@pytest.mark.parametrize(
    ("who", "grants", "expected"),
    [
        (Principal("1", "owner", ""), (), "CAN_MANAGE"),
        (Principal("1", "owner", ""), (Grant("user", "owner", "CAN_VIEW"),), "CAN_MANAGE"),
        (Principal("1", "root", "", admin=True), (), "CAN_MANAGE"),
        (Principal("1", "a", ""), (), None),
        (Principal("1", "a", ""), (Grant("user", "a", "CAN_VIEW"),), "CAN_VIEW"),
        (Principal("1", "a", ""), (Grant("user", "b", "CAN_VIEW"),), None),
        (Principal("1", "a", ""), (Grant("group", "users", "CAN_QUERY"),), "CAN_QUERY"),
        (Principal("1", "a", ""), (Grant("group", "team", "CAN_QUERY"),), None),
        (Principal("1", "a", "", groups=("team",)), (Grant("group", "team", "CAN_QUERY"),),
         "CAN_QUERY"),
        (Principal("1", "a", "", groups=("team",)),
         (Grant("group", "team", "CAN_MANAGE"), Grant("user", "a", "CAN_VIEW")), "CAN_MANAGE"),
        (Principal("1", "r", ""), (Grant("service_principal", "r", "CAN_QUERY"),), "CAN_QUERY"),
    ],
)  # fmt: skip
def test_levels(who: Principal, grants: tuple[Grant, ...], expected: Level | None) -> None:
    assert level_of(endpoint(*grants), who) == expected


def test_built_in_endpoints_are_everyones_and_nobodys() -> None:
    for who in (Principal("1", "a", ""), Principal("2", "root", "", admin=True)):
        assert level_of(BUILT_IN, who) == "CAN_QUERY"
    assert who_may(BUILT_IN, "CAN_QUERY") == EVERYONE
    assert who_may(BUILT_IN, "CAN_MANAGE") == NOBODY
