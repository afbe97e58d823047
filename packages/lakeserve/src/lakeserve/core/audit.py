"""What the audit log says of one call."""

from collections.abc import Mapping
from dataclasses import dataclass

# Fields of requests that name things. Values of others may be secrets and are never looked at.
NAMING_FIELDS = (
    "name",
    "scope",
    "key",
    "principal",
    "permission",
    "token_id",
    "application_id",
    "userName",
    "displayName",
)
FIELD_CHARACTERS = 256

NOBODY = "-"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One call that changed something or was to, or that read a secret.

    Attributes:
        at: Epoch milliseconds.
        actor: Name of the principal, ``-`` when the credential stood for nobody.
        action: The HTTP method.
        object: The path, then the fields that name things.
        source: Address of the caller.
        status: HTTP status of the answer.
    """

    at: int
    actor: str
    action: str
    object: str
    source: str
    status: int


def named_object(path: str, fields: Mapping[str, object]) -> str:
    """Path and naming fields of a request in one line."""
    named = [path[: 4 * FIELD_CHARACTERS]]
    for field in NAMING_FIELDS:
        value = fields.get(field)
        if isinstance(value, str):
            named.append(f"{field}={value[:FIELD_CHARACTERS]!r}")
    return " ".join(named)
