from typing import Any

from lakeserve.control.permissions.presentation import levels, shown
from lakeserve.control.permissions.service import Permissions
from lakeserve.core.accounts import Account
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.grants import LEVELS, Grant

INHERITED = {
    "permission_level": "CAN_MANAGE",
    "inherited": True,
    "inherited_from_object": ["/serving-endpoints/"],
}


def direct(level: str) -> dict[str, Any]:
    return {"permission_level": level, "inherited": False}


def test_levels() -> None:
    listed: Any = levels()["permission_levels"]
    assert tuple(each["permission_level"] for each in listed) == LEVELS
    assert all(each["description"] for each in listed)


def test_an_endpoint_with_grants() -> None:
    grants = (
        Grant("group", "admins", "CAN_VIEW"),
        Grant("group", "users", "CAN_VIEW"),
        Grant("user", "anna", "CAN_QUERY"),
    )
    endpoint = Endpoint("i", "n", "llm/v1/chat", "EXTERNAL_MODEL", "robot", 1, 1, (), grants=grants)
    accounts = {
        "robot": Account("1", "service_principal", "robot", "Robot", 1),
        "anna": Account("2", "user", "anna", "Anna", 1),
    }
    assert shown(Permissions(endpoint, accounts)) == {
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
    orphan = Endpoint("i", "n", "llm/v1/chat", "EXTERNAL_MODEL", "gone", 1, 1, ())
    assert shown(Permissions(orphan, {}))["access_control_list"] == [
        {"user_name": "gone", "all_permissions": [direct("CAN_MANAGE")]},
        {"group_name": "admins", "all_permissions": [INHERITED]},
    ]
    built_in = Endpoint("i", "b", "llm/v1/chat", "FOUNDATION_MODEL_API", "System-User", 1, 1, ())
    assert shown(Permissions(built_in, {}))["access_control_list"] == [
        {"group_name": "users", "all_permissions": [direct("CAN_QUERY")]}
    ]
