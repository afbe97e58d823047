"""Permissions as the API shows them. Pure: values in, JSON objects out."""

from collections.abc import Mapping

from lakeserve.control.permissions.objects import ObjectKind
from lakeserve.control.permissions.service import FIELDS, Permissions
from lakeserve.core.grants import Grant, GranteeKind, Level

Json = dict[str, object]


def levels(descriptions: Mapping[Level, str]) -> Json:
    """The levels of a kind."""
    return {
        "permission_levels": [
            {"permission_level": level, "description": text} for level, text in descriptions.items()
        ]
    }


def shown(permissions: Permissions, kind: ObjectKind) -> Json:
    """Who may do what with a thing: its creator, those with grants, administrators."""
    return {
        "object_id": f"{kind.root}{permissions.object.id}",
        "object_type": kind.object_type,
        "access_control_list": (
            [_entry(permissions, Grant("group", "users", "CAN_QUERY"))]
            if permissions.object.is_built_in
            else _entries(permissions, kind)
        ),
    }


def _entries(permissions: Permissions, kind: ObjectKind) -> list[Json]:
    creator = permissions.object.creator
    inherited: Json = {
        "permission_level": "CAN_MANAGE",
        "inherited": True,
        "inherited_from_object": [kind.root],
    }
    admins: list[Json] = []
    entries = [] if creator is None else [_creator(permissions, creator)]
    for grant in permissions.object.grants:
        if grant.kind == "group" and grant.name == "admins":
            admins = [_direct(grant.level)]
        else:
            entries.append(_entry(permissions, grant))
    return [*entries, {"group_name": "admins", "all_permissions": [*admins, inherited]}]


def _creator(permissions: Permissions, name: str) -> Json:
    account = permissions.accounts.get(name)
    kind: GranteeKind = "user" if account is None else account.kind
    return _entry(permissions, Grant(kind, name, "CAN_MANAGE"))


def _entry(permissions: Permissions, grant: Grant) -> Json:
    entry: Json = {FIELDS[grant.kind]: grant.name}
    account = permissions.accounts.get(grant.name)
    if account is not None and grant.kind != "group":
        entry["display_name"] = account.display_name
    return {**entry, "all_permissions": [_direct(grant.level)]}


def _direct(level: Level) -> Json:
    return {"permission_level": level, "inherited": False}
