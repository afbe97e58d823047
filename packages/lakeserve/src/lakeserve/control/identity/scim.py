"""SCIM as clients speak it: resources, filters, pages and patches. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lakeserve.core.accounts import Account, Group
from lakeserve.core.errors import InvalidParameter

Json = dict[str, object]
Resource = TypeVar("Resource")

CORE = "urn:ietf:params:scim:schemas:core:2.0"
LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SERVICE_PRINCIPAL_SCHEMA = f"{CORE}:ServicePrincipal"
MOST_RESOURCES = 10_000
USUAL_RESOURCES = 100
MOST_VALUES = 100
VALUE_CHARACTERS = 256

_FILTER = re.compile(
    r"\s*(?P<attribute>[A-Za-z.]+)\s+(?P<operator>\w+)\s+(?P<quote>[\"']?)(?P<value>.*)(?P=quote)\s*"
)
# Attributes with many values, of which patches add and remove some.
MULTIPLE = frozenset({"members", "entitlements", "roles"})

_VALUE_PATH = re.compile(
    r"(?P<attribute>members|entitlements|roles)"
    r"\[\s*value\s+eq\s+(?P<quote>[\"']?)(?P<value>[^\"']+?)(?P=quote)\s*\]",
    re.IGNORECASE,
)
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda has, wanted: has == wanted,
    "co": lambda has, wanted: wanted in has,
    "sw": lambda has, wanted: has.startswith(wanted),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of a patch, brought into one form.

    Attributes:
        kind: ``set`` for one value, ``add``, ``remove`` or ``replace`` for one of many.
        attribute: What it changes.
    """

    kind: str
    attribute: str
    value: object


def user_resource(account: Account, groups: Iterable[Group]) -> Json:
    """A user, or whoever asks for ``Me``: service principals see themselves as one."""
    mail: Json = {"type": "work", "value": account.name, "primary": True}
    return {
        "schemas": [f"{CORE}:User"],
        "id": account.id,
        "userName": account.name,
        "displayName": account.display_name,
        "active": account.active,
        "emails": [mail] if account.kind == "user" else [],
        "name": {"givenName": account.display_name},
        "groups": _memberships(account, groups),
        "entitlements": _values(account.entitlements),
        "roles": _values(account.roles),
        **_external_id(account.external_id),
    }


def service_principal_resource(account: Account, groups: Iterable[Group]) -> Json:
    """A service principal."""
    return {
        "schemas": [SERVICE_PRINCIPAL_SCHEMA],
        "id": account.id,
        "applicationId": account.name,
        "displayName": account.display_name,
        "active": account.active,
        "groups": _memberships(account, groups),
        "entitlements": _values(account.entitlements),
        "roles": _values(account.roles),
        **_external_id(account.external_id),
    }


def group_resource(group: Group, accounts: Mapping[str, Account]) -> Json:
    """A group with its members."""
    members = [accounts[member_id] for member_id in group.member_ids if member_id in accounts]
    return {
        "schemas": [f"{CORE}:Group"],
        "id": group.id,
        "displayName": group.name,
        "members": [
            {
                "value": member.id,
                "display": member.display_name,
                "$ref": f"{'Users' if member.kind == 'user' else 'ServicePrincipals'}/{member.id}",
            }
            for member in members
        ],
        "groups": [],
        "meta": {"resourceType": "Group" if group.is_built_in else "WorkspaceGroup"},
        **_external_id(group.external_id),
    }


def matching(
    expression: str | None, resources: Iterable[Resource], attributes: Mapping[str, str]
) -> list[Resource]:
    """The resources that a filter lets through; letters count alike in both cases.

    Args:
        expression: ``<attribute> eq|co|sw "<value>"``, or None for all.
        resources: What to choose from.
        attributes: Names of fields by the attributes that can be filtered by.

    Raises:
        InvalidParameter: The filter is of another form.
    """
    if not expression:
        return list(resources)
    match = _FILTER.fullmatch(expression)
    by_name = {name.lower(): field for name, field in attributes.items()}
    field = by_name.get(match["attribute"].lower()) if match else None
    holds = _OPERATORS.get(match["operator"].lower()) if match else None
    if match is None or field is None or holds is None:
        raise InvalidParameter(
            f"Field 'filter' has the value '{expression}'; accepted: one of"
            f" {', '.join(attributes)}, then eq, co or sw, then a value in double quotes."
        )
    wanted = match["value"].lower()
    return [each for each in resources if holds(str(getattr(each, field) or "").lower(), wanted)]


def page(found: Sequence[Json], start: int, count: int) -> Json:
    """A list answer; ``start`` counts from 1."""
    start, count = max(1, start), max(0, min(count, MOST_RESOURCES))
    shown = list(found[start - 1 : start - 1 + count])
    return {
        "schemas": [LIST_SCHEMA],
        "Resources": shown,
        "totalResults": len(found),
        "startIndex": start,
        "itemsPerPage": len(shown),
    }


def operations(patch: object, attributes: Iterable[str]) -> list[Operation]:
    """The changes of a patch body.

    Args:
        patch: ``{"Operations": [{"op", "path", "value"}]}``.
        attributes: What can be changed, in SCIM's spelling.

    Raises:
        InvalidParameter: The patch is of another form or changes something else.
    """
    given = patch.get("Operations") if isinstance(patch, dict) else None
    if not isinstance(given, list) or not given:
        raise InvalidParameter("Field 'Operations' has to be a list of at least one operation.")
    accepted = {name.lower(): name for name in attributes}
    changes: list[Operation] = []
    for operation in given:
        changes += _changes(operation, accepted)
    return changes


def _changes(operation: object, accepted: Mapping[str, str]) -> list[Operation]:
    if not isinstance(operation, dict):
        raise InvalidParameter("Field 'Operations' holds something that is no object.")
    kind = str(operation.get("op", "")).lower()
    path, value = operation.get("path"), operation.get("value")
    if kind not in {"add", "remove", "replace"}:
        raise InvalidParameter(
            f"Field 'Operations.op' has the value '{kind}'; accepted: add, remove, replace."
        )
    if path is None:
        if not isinstance(value, dict):
            raise InvalidParameter(
                "Field 'Operations.path' is missing; without it 'value' has to be an object."
            )
        return [_change(kind, str(name), part, accepted) for name, part in value.items()]
    one = _VALUE_PATH.fullmatch(str(path))
    if one and kind == "remove":
        return [_change(kind, one["attribute"], [{"value": one["value"]}], accepted)]
    return [_change(kind, str(path), value, accepted)]


def _change(kind: str, path: str, value: object, accepted: Mapping[str, str]) -> Operation:
    attribute = accepted.get(path.lower())
    if attribute is None:
        raise InvalidParameter(
            f"Field 'Operations.path' has the value '{path}'; accepted:"
            f" {', '.join(accepted.values())}."
        )
    return Operation(kind if attribute in MULTIPLE else "set", attribute, value)


def member_ids(value: object) -> tuple[str, ...]:
    """The ids of ``[{"value": id}]``, or of one such object.

    Raises:
        InvalidParameter: The value is of another form.
    """
    listed = value if isinstance(value, list) else [value]
    ids = [each.get("value") if isinstance(each, dict) else None for each in listed]
    if not all(isinstance(each, (str, int)) for each in ids):
        raise InvalidParameter("Field 'members' has to be a list of objects with a 'value', an id.")
    return tuple(str(each) for each in ids)


def values_of(attribute: str, value: object) -> tuple[str, ...]:
    """The texts of ``[{"value": text}]``, or of one such object; none for no value.

    Raises:
        InvalidParameter: The value is of another form.
    """
    listed = value if isinstance(value, list) else [] if value is None else [value]
    texts = [each.get("value") if isinstance(each, dict) else None for each in listed]
    if not all(isinstance(each, str) and 0 < len(each) <= VALUE_CHARACTERS for each in texts):
        raise InvalidParameter(
            f"Field '{attribute}' has to be a list of objects with a 'value', a text of at most"
            f" {VALUE_CHARACTERS} characters."
        )
    if len(texts) > MOST_VALUES:
        raise InvalidParameter(
            f"Field '{attribute}' has {len(texts)} values; accepted: {MOST_VALUES}."
        )
    return tuple(dict.fromkeys(str(each) for each in texts))


def changed_values(before: Sequence[str], operation: Operation) -> tuple[str, ...]:
    """The values of an attribute with many after an operation of a patch."""
    if operation.kind == "remove" and operation.value is None:
        return ()
    given = values_of(operation.attribute, operation.value)
    if operation.kind == "remove":
        return tuple(each for each in before if each not in given)
    kept = before if operation.kind == "add" else ()
    return values_of(operation.attribute, [{"value": each} for each in (*kept, *given)])


def changed_members(before: Sequence[str], operation: Operation) -> tuple[str, ...]:
    """The members after an operation of a patch, in ascending order."""
    if operation.kind == "remove" and operation.value is None:
        return ()
    given = member_ids(operation.value)
    if operation.kind == "remove":
        return tuple(each for each in before if each not in given)
    return tuple(sorted({*(before if operation.kind == "add" else ()), *given}))


def _memberships(account: Account, groups: Iterable[Group]) -> list[Json]:
    return [
        {"display": group.name, "type": "direct", "value": group.id, "$ref": f"Groups/{group.id}"}
        for group in groups
        if account.id in group.member_ids
    ]


def _values(texts: Iterable[str]) -> list[Json]:
    return [{"value": text} for text in texts]


def _external_id(external_id: str | None) -> Json:
    return {} if external_id is None else {"externalId": external_id}
