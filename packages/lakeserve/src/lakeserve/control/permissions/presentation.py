"""Permissions as the API shows them. Pure: values in, JSON objects out."""

from lakeserve.control.permissions.service import FIELDS, Permissions
from lakeserve.core.grants import Grant, GranteeKind, Level

Json = dict[str, object]

# The object that administrators' rights come from: all endpoints together.
ROOT = "/serving-endpoints/"
DESCRIPTIONS: dict[Level, str] = {
    "CAN_VIEW": "Can view the endpoint",
    "CAN_QUERY": "Can query the endpoint",
    "CAN_MANAGE": "Can manage the endpoint",
}


def levels() -> Json:
    """The levels of an endpoint."""
    return {
        "permission_levels": [
            {"permission_level": level, "description": text} for level, text in DESCRIPTIONS.items()
        ]
    }


def shown(permissions: Permissions) -> Json:
    """Who may do what with an endpoint: its creator, those with grants, administrators."""
    endpoint = permissions.endpoint
    return {
        "object_id": f"{ROOT}{endpoint.id}",
        "object_type": "serving-endpoint",
        "access_control_list": (
            [_entry(permissions, Grant("group", "users", "CAN_QUERY"))]
            if endpoint.endpoint_type == "FOUNDATION_MODEL_API"
            else _entries(permissions)
        ),
    }


def _entries(permissions: Permissions) -> list[Json]:
    endpoint = permissions.endpoint
    account = permissions.accounts.get(endpoint.creator)
    creator_kind: GranteeKind = "user" if account is None else account.kind
    inherited: Json = {
        "permission_level": "CAN_MANAGE",
        "inherited": True,
        "inherited_from_object": [ROOT],
    }
    admins: list[Json] = []
    entries = [_entry(permissions, Grant(creator_kind, endpoint.creator, "CAN_MANAGE"))]
    for grant in endpoint.grants:
        if grant.kind == "group" and grant.name == "admins":
            admins = [_direct(grant.level)]
        else:
            entries.append(_entry(permissions, grant))
    return [*entries, {"group_name": "admins", "all_permissions": [*admins, inherited]}]


def _entry(permissions: Permissions, grant: Grant) -> Json:
    entry: Json = {FIELDS[grant.kind]: grant.name}
    account = permissions.accounts.get(grant.name)
    if account is not None and grant.kind != "group":
        entry["display_name"] = account.display_name
    return {**entry, "all_permissions": [_direct(grant.level)]}


def _direct(level: Level) -> Json:
    return {"permission_level": level, "inherited": False}
