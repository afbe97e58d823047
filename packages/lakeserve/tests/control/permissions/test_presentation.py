from typing import Any

import pytest
from lakeserve.control.permissions.objects import Clusters, Endpoints, Protected, TokenUse
from lakeserve.control.permissions.presentation import levels, shown
from lakeserve.control.permissions.service import Permissions
from lakeserve.core.accounts import Account
from lakeserve.core.grants import CLUSTER_LEVELS, LEVELS, Grant, Level


class NoChanges:
    async def endpoints_changed(self) -> None: ...

    async def clusters_changed(self) -> None: ...


ENDPOINTS = Endpoints(NoChanges())
INHERITED = {
    "permission_level": "CAN_MANAGE",
    "inherited": True,
    "inherited_from_object": ["/serving-endpoints/"],
}


def direct(level: str) -> dict[str, Any]:
    return {"permission_level": level, "inherited": False}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Endpoints, LEVELS), (Clusters, CLUSTER_LEVELS), (TokenUse, ("CAN_USE",))],
)
def test_levels(kind: Any, expected: tuple[Level, ...]) -> None:
    listed: Any = levels(kind.levels)["permission_levels"]
    assert tuple(each["permission_level"] for each in listed) == expected
    assert all(each["description"] for each in listed)


def test_an_endpoint_with_grants() -> None:
    grants = (
        Grant("group", "admins", "CAN_VIEW"),
        Grant("group", "users", "CAN_VIEW"),
        Grant("user", "anna", "CAN_QUERY"),
    )
    endpoint = Protected("i", "robot", grants)
    accounts = {
        "robot": Account("1", "service_principal", "robot", "Robot", 1),
        "anna": Account("2", "user", "anna", "Anna", 1),
    }
    assert shown(Permissions(endpoint, accounts), ENDPOINTS) == {
        "object_id": "/serving-endpoints/i",
        "object_type": "serving-endpoint",
        "access_control_list": [
            {
                "service_principal_name": "robot",
                "display_name": "Robot",
                "all_permissions": [direct("CAN_MANAGE")],
            },
            {"group_name": "users", "all_permissions": [direct("CAN_VIEW")]},
            {
                "user_name": "anna",
                "display_name": "Anna",
                "all_permissions": [direct("CAN_QUERY")],
            },
            {"group_name": "admins", "all_permissions": [direct("CAN_VIEW"), INHERITED]},
        ],
    }


def test_a_creator_who_is_gone_and_a_built_in_endpoint() -> None:
    orphan = Protected("i", "gone", ())
    assert shown(Permissions(orphan, {}), ENDPOINTS)["access_control_list"] == [
        {"user_name": "gone", "all_permissions": [direct("CAN_MANAGE")]},
        {"group_name": "admins", "all_permissions": [INHERITED]},
    ]
    built_in = Protected("i", "System-User", (), is_built_in=True)
    assert shown(Permissions(built_in, {}), ENDPOINTS)["access_control_list"] == [
        {"group_name": "users", "all_permissions": [direct("CAN_QUERY")]}
    ]


def test_what_nobody_made() -> None:
    tokens = Protected("tokens", None, (Grant("group", "users", "CAN_USE"),))
    assert shown(Permissions(tokens, {}), TokenUse()) == {
        "object_id": "/authorization/tokens",
        "object_type": "tokens",
        "access_control_list": [
            {"group_name": "users", "all_permissions": [direct("CAN_USE")]},
            {
                "group_name": "admins",
                "all_permissions": [{**INHERITED, "inherited_from_object": ["/authorization/"]}],
            },
        ],
    }
