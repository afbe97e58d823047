from typing import Any

import pytest
from lakeserve.control.identity.scim import (
    Operation,
    changed_members,
    changed_values,
    group_resource,
    matching,
    member_ids,
    operations,
    page,
    service_principal_resource,
    user_resource,
    values_of,
)
from lakeserve.core.accounts import Account, Group
from lakeserve.core.errors import InvalidParameter

ANNA = Account("7", "user", "anna@example.com", "Anna", 1)
ROBOT = Account("8", "service_principal", "0f4d-robot", "Robot", 2, external_id="x")
TEAM = Group("9", "team", 3, member_ids=("7", "8"))
ATTRIBUTES = {"userName": "name", "displayName": "display_name"}


def test_resources() -> None:
    user = user_resource(ANNA, [TEAM])
    assert (user["userName"], user["active"]) == ("anna@example.com", True)
    assert user["groups"] == [
        {"display": "team", "type": "direct", "value": "9", "$ref": "Groups/9"}
    ]
    robot = service_principal_resource(ROBOT, [])
    assert (robot["applicationId"], robot["externalId"], robot["groups"]) == ("0f4d-robot", "x", [])
    assert user_resource(ROBOT, [])["emails"] == []
    group = group_resource(TEAM, {"7": ANNA, "8": ROBOT})
    assert group["members"] == [
        {"value": "7", "display": "Anna", "$ref": "Users/7"},
        {"value": "8", "display": "Robot", "$ref": "ServicePrincipals/8"},
    ]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (None, [ANNA, ROBOT]),
        ("", [ANNA, ROBOT]),
        ('userName eq "anna@example.com"', [ANNA]),
        ('username EQ "ANNA@EXAMPLE.COM"', [ANNA]),
        ("displayName eq Robot", [ROBOT]),
        ("displayName eq 'Robot'", [ROBOT]),
        ('displayName co "o"', [ROBOT]),
        ('displayName sw "An"', [ANNA]),
        ('displayName eq "nobody"', []),
    ],
)
def test_filters(expression: str | None, found: list[Account]) -> None:
    assert matching(expression, [ANNA, ROBOT], ATTRIBUTES) == found


@pytest.mark.parametrize(
    "expression", ["userName", "colour eq 1", 'userName gt "a"', "userName eq", "()"]
)
def test_filters_that_are_refused(expression: str) -> None:
    with pytest.raises(InvalidParameter, match="accepted: one of userName, displayName"):
        matching(expression, [ANNA], ATTRIBUTES)


@pytest.mark.parametrize(
    ("start", "count", "shown"),
    [(1, 2, "ab"), (3, 2, "c"), (4, 2, ""), (0, 1, "a"), (1, 0, ""), (2, -5, "")],
)
def test_pages(start: int, count: int, shown: str) -> None:
    listed: dict[str, Any] = page([{"id": letter} for letter in "abc"], start, count)
    assert "".join(each["id"] for each in listed["Resources"]) == shown
    assert (listed["totalResults"], listed["itemsPerPage"]) == (3, len(shown))


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        (
            {"op": "replace", "path": "active", "value": False},
            [Operation("set", "active", False)],
        ),
        (
            {"op": "Replace", "value": {"active": True, "displayname": "A"}},
            [Operation("set", "active", True), Operation("set", "displayName", "A")],
        ),
        (
            {"op": "add", "path": "members", "value": [{"value": "7"}]},
            [Operation("add", "members", [{"value": "7"}])],
        ),
        (
            {"op": "remove", "path": 'members[value eq "7"]'},
            [Operation("remove", "members", [{"value": "7"}])],
        ),
        (
            {"op": "remove", "path": 'entitlements[value eq "allow-cluster-create"]'},
            [Operation("remove", "entitlements", [{"value": "allow-cluster-create"}])],
        ),
    ],
)
def test_patches(operation: dict[str, Any], changes: list[Operation]) -> None:
    accepted = ("active", "displayName", "members", "entitlements")
    assert operations({"Operations": [operation]}, accepted) == changes


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        ([], "'Operations' has to be a list"),
        ({}, "'Operations' has to be a list"),
        ({"Operations": []}, "'Operations' has to be a list"),
        ({"Operations": ["x"]}, "no object"),
        ({"Operations": [{"op": "move"}]}, "'move'; accepted: add, remove, replace"),
        ({"Operations": [{"op": "add", "value": 1}]}, "'Operations.path' is missing"),
        ({"Operations": [{"op": "add", "path": "colour"}]}, "'colour'; accepted: active"),
    ],
)
def test_patches_that_are_refused(patch: object, text: str) -> None:
    with pytest.raises(InvalidParameter, match=text):
        operations(patch, ("active",))


@pytest.mark.parametrize(
    ("kind", "value", "members"),
    [
        ("add", [{"value": "3"}, {"value": "1"}], ("1", "2", "3")),
        ("replace", [{"value": "3"}], ("3",)),
        ("replace", {"value": 3}, ("3",)),
        ("remove", [{"value": "1"}], ("2",)),
        ("remove", None, ()),
    ],
)
def test_members(kind: str, value: object, members: tuple[str, ...]) -> None:
    assert changed_members(("1", "2"), Operation(kind, "members", value)) == members


@pytest.mark.parametrize("value", ["7", [{"id": "7"}], [{"value": None}], None])
def test_members_that_are_refused(value: object) -> None:
    with pytest.raises(InvalidParameter, match="'members'"):
        member_ids(value)


@pytest.mark.parametrize(
    ("kind", "value", "after"),
    [
        ("set", [{"value": "c"}], ("c",)),
        ("replace", [{"value": "c"}, {"value": "c"}], ("c",)),
        ("add", [{"value": "c"}, {"value": "a"}], ("a", "b", "c")),
        ("add", {"value": "c"}, ("a", "b", "c")),
        ("remove", [{"value": "a"}], ("b",)),
        ("remove", None, ()),
        ("set", None, ()),
    ],
)
def test_values(kind: str, value: object, after: tuple[str, ...]) -> None:
    assert changed_values(("a", "b"), Operation(kind, "roles", value)) == after


@pytest.mark.parametrize(
    "value", ["a", [{"id": "a"}], [{"value": 1}], [{"value": ""}], [{"value": "x" * 257}]]
)
def test_values_that_are_refused(value: object) -> None:
    with pytest.raises(InvalidParameter, match="'roles'"):
        values_of("roles", value)
    many = [{"value": str(number)} for number in range(101)]
    with pytest.raises(InvalidParameter, match="101 values"):
        values_of("roles", many)
