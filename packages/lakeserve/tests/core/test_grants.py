import timeit

import pytest
from lakeserve.core.grants import EVERYONE, NOBODY, Grant, Grantees, Level, grantees
from lakeserve.core.identity import Principal

ANNA = Principal("1", "anna", "Anna", groups=("team",))


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        ("CAN_VIEW", "CAN_VIEW", True),
        ("CAN_VIEW", "CAN_QUERY", False),
        ("CAN_VIEW", "CAN_MANAGE", False),
        ("CAN_QUERY", "CAN_VIEW", True),
        ("CAN_QUERY", "CAN_QUERY", True),
        ("CAN_QUERY", "CAN_MANAGE", False),
        ("CAN_MANAGE", "CAN_VIEW", True),
        ("CAN_MANAGE", "CAN_QUERY", True),
        ("CAN_MANAGE", "CAN_MANAGE", True),
    ],
)
def test_levels_include_lower_ones(given: Level, wanted: Level, expected: bool) -> None:
    assert Grant("user", "a", given).allows(wanted) is expected


def test_who_is_included() -> None:
    admin = Principal("2", "admin", "Admin", admin=True)
    assert EVERYONE.include(ANNA)
    assert not NOBODY.include(admin)
    assert Grantees(accounts=frozenset({"anna"})).include(ANNA)
    assert Grantees(groups=frozenset({"team"})).include(ANNA)
    assert not Grantees(groups=frozenset({"admins"})).include(ANNA)
    assert Grantees(groups=frozenset({"admins"})).include(admin)
    # A group of a user's name is not that user, nor the other way round.
    assert not Grantees(groups=frozenset({"anna"})).include(ANNA)
    assert not Grantees(accounts=frozenset({"team", "users"})).include(ANNA)


def test_the_creator_and_administrators_need_no_grant() -> None:
    given = [Grant("group", "team", "CAN_VIEW"), Grant("service_principal", "r", "CAN_MANAGE")]
    assert grantees("c", given, "CAN_QUERY") == Grantees(
        frozenset({"c", "r"}), frozenset({"admins"})
    )


def test_the_check_is_cheap() -> None:
    many = Grantees(frozenset(map(str, range(1000))), frozenset({"admins", "other", "team"}))
    best = min(timeit.repeat(lambda: many.include(ANNA), number=1000, repeat=5)) / 1000
    assert best < 20e-6  # 0.3 us where nothing else runs
