"""Who calls, and how a bearer token names them."""

import hashlib
import secrets
from dataclasses import dataclass, field

# Documented on purpose: it works on loopback only, the settings refuse it on any other address.
DEVELOPMENT_TOKEN = "dapi-lakeserve-development"  # noqa: S105

# Everyone is in the first one. By name, with the ids that clients see.
BUILT_IN_GROUPS = {"users": "1", "admins": "2"}


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or service principal.

    Attributes:
        id: Decimal digits, as SCIM ids are.
        name: User name (an e-mail address) or application id.
        admin: Whether it is a member of the group ``admins``.
        groups: Names of its groups beside ``users`` and ``admins``.
        expires_at: When the credential that named it stops working, in epoch milliseconds; None
            for never. Says nothing about who it is, so it does not count when comparing.
    """

    id: str
    name: str
    display_name: str
    admin: bool = False
    groups: tuple[str, ...] = ()
    expires_at: int | None = field(default=None, compare=False)

    def goes_by(self, name: str) -> bool:
        """Whether a grant to that user, service principal or group is one to this principal."""
        if name == "admins":
            return self.admin
        return name in {self.name, "users"} or name in self.groups


def new_token() -> str:
    """A fresh bearer token: ``dapi`` and 64 hex digits (256 random bits)."""
    return "dapi" + secrets.token_hex(32)


def new_token_id() -> str:
    """A fresh name for a token, 64 hex digits that say nothing about it."""
    return secrets.token_hex(32)


def token_digest(token: str) -> str:
    """What is stored of a token: the SHA-256 of its UTF-8 bytes, in hex.

    A plain hash is enough because tokens are 256 random bits; the development token is public.
    """
    return hashlib.sha256(token.encode()).hexdigest()
