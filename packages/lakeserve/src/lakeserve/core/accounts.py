"""Users, service principals and groups as the identity API keeps them."""

from dataclasses import dataclass
from typing import Literal

from lakeserve.core.identity import BUILT_IN_GROUPS

AccountKind = Literal["user", "service_principal"]

USUAL_ENTITLEMENTS = ("workspace-access",)


@dataclass(frozen=True, slots=True)
class Account:
    """A user or service principal.

    Attributes:
        id: Decimal digits.
        name: User name, or application id of a service principal.
        admin: Whether it is a member of the group ``admins``.
        active: Whether its credentials are accepted.
        created_at: Epoch milliseconds.
        entitlements: What clients have written down that it may do; nothing here depends on it.
        roles: Likewise.
    """

    id: str
    kind: AccountKind
    name: str
    display_name: str
    created_at: int
    admin: bool = False
    active: bool = True
    external_id: str | None = None
    entitlements: tuple[str, ...] = USUAL_ENTITLEMENTS
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A set of users and service principals.

    Attributes:
        id: Decimal digits.
        member_ids: Ids of its accounts, in ascending order.
    """

    id: str
    name: str
    created_at: int
    external_id: str | None = None
    member_ids: tuple[str, ...] = ()

    @property
    def is_built_in(self) -> bool:
        """Whether it is ``users`` or ``admins``, which always exist."""
        return self.name in BUILT_IN_GROUPS


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """What is kept of an OAuth secret of a service principal.

    Attributes:
        digest: SHA-256 of the secret, in hex.
        created_at: Epoch milliseconds.
        expires_at: Epoch milliseconds, or None for never.
    """

    id: str
    account_id: str
    digest: str
    created_at: int
    expires_at: int | None = None

    def is_valid(self, now_ms: int) -> bool:
        """Whether it is accepted at that time."""
        return self.expires_at is None or self.expires_at > now_ms
