"""Secret scopes, their secrets and who may do what with them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lakeserve.core.errors import InvalidParameter
from lakeserve.core.identity import Principal

Permission = Literal["READ", "WRITE", "MANAGE"]

# From the least to the most; each includes those before it.
PERMISSIONS: tuple[Permission, ...] = ("READ", "WRITE", "MANAGE")

NAME_CHARACTERS = 128
VALUE_BYTES = 128 * 1024
MOST_SCOPES = 1000
MOST_KEYS = 1000

_SCOPE = re.compile(r"[A-Za-z0-9_.@/-]{1,128}")
_KEY = re.compile(r"[A-Za-z0-9_.@-]{1,128}")
_REFERENCE = re.compile(
    r"\{\{\s*secrets/(?P<scope>[A-Za-z0-9_.@/-]+)/(?P<key>[A-Za-z0-9_.@-]+)\s*\}\}"
)


@dataclass(frozen=True, slots=True)
class SecretScope:
    """A named set of secrets.

    Attributes:
        creator: Name of the principal who made it.
        created_at: Epoch milliseconds.
    """

    name: str
    creator: str
    created_at: int


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """What a listing says of a secret: everything but its value.

    Attributes:
        updated_at: Epoch milliseconds.
    """

    key: str
    updated_at: int


@dataclass(frozen=True, slots=True)
class SecretAcl:
    """What a user, service principal or group may do with a scope."""

    principal: str
    permission: Permission


def check_scope_name(name: str) -> None:
    """Refuse a name that no scope can have.

    Raises:
        InvalidParameter: With the name and what is accepted.
    """
    if not _SCOPE.fullmatch(name):
        raise InvalidParameter(
            f"Field 'scope' has the value {_shown(name)}; accepted: letters, digits, '-', '_', '.',"
            f" '@' and '/', 1 to {NAME_CHARACTERS} characters."
        )


def check_key(key: str) -> None:
    """Refuse a key that no secret can have.

    Raises:
        InvalidParameter: With the key and what is accepted.
    """
    if not _KEY.fullmatch(key):
        raise InvalidParameter(
            f"Field 'key' has the value {_shown(key)}; accepted: letters, digits, '-', '_', '.' and"
            f" '@', 1 to {NAME_CHARACTERS} characters."
        )


def check_value(value: bytes, field: str) -> None:
    """Refuse a value that is too long; it is not repeated.

    Raises:
        InvalidParameter: With its length.
    """
    if len(value) > VALUE_BYTES:
        raise InvalidParameter(
            f"Field '{field}' holds {len(value)} bytes; accepted: at most {VALUE_BYTES}."
        )


def parse_reference(reference: str) -> tuple[str, str]:
    """Scope and key of ``{{secrets/<scope>/<key>}}``.

    Raises:
        InvalidParameter: The text is not of that form. It is not repeated, as it may be a secret
            that was put where a reference belongs.
    """
    match = _REFERENCE.fullmatch(reference.strip())
    if match is None:
        raise InvalidParameter(
            "A secret has to be given as '{{secrets/<scope>/<key>}}'; the value given is not of"
            " that form."
        )
    return match["scope"], match["key"]


def is_reference(text: str) -> bool:
    """Whether a text is a reference of the form ``{{secrets/<scope>/<key>}}``."""
    return _REFERENCE.fullmatch(text.strip()) is not None


def permission_of(principal: Principal, acls: Iterable[SecretAcl]) -> Permission | None:
    """The most that a principal may do; administrators may do everything."""
    if principal.admin:
        return "MANAGE"
    granted = [acl.permission for acl in acls if principal.goes_by(acl.principal)]
    return max(granted, key=PERMISSIONS.index, default=None)


def suffices(granted: Permission | None, wanted: Permission) -> bool:
    """Whether a permission includes another."""
    return granted is not None and PERMISSIONS.index(granted) >= PERMISSIONS.index(wanted)


def _shown(text: str) -> str:
    return repr(text if len(text) <= NAME_CHARACTERS else text[:NAME_CHARACTERS] + "...")
