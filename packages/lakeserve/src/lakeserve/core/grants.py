"""Who was granted what on a serving endpoint, as values."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lakeserve.core.identity import Principal

Level = Literal["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]
GranteeKind = Literal["user", "group", "service_principal"]

# From the least to the most; each includes those before it.
LEVELS: tuple[Level, ...] = ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user, service principal or group may do with an endpoint.

    Attributes:
        name: User name, application id or name of the group.
    """

    kind: GranteeKind
    name: str
    level: Level

    def allows(self, level: Level) -> bool:
        """Whether it is that level or one that includes it."""
        return LEVELS.index(self.level) >= LEVELS.index(level)


@dataclass(frozen=True, slots=True)
class Grantees:
    """Those who may do one thing.

    Attributes:
        accounts: User names and application ids.
        groups: Names of groups; ``users`` stands for everyone.
    """

    accounts: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def include(self, who: Principal) -> bool:
        """Whether a principal is one of them. Both planes ask this; the data plane on each call."""
        groups = self.groups
        return (
            who.name in self.accounts
            or "users" in groups
            or (who.admin and "admins" in groups)
            or not groups.isdisjoint(who.groups)
        )


NOBODY = Grantees()
EVERYONE = Grantees(groups=frozenset({"users"}))


def grantees(creator: str, grants: Iterable[Grant], level: Level) -> Grantees:
    """Who has a level by being the creator, an administrator or by a grant."""
    granted = [grant for grant in grants if grant.allows(level)]
    accounts = {grant.name for grant in granted if grant.kind != "group"}
    groups = {grant.name for grant in granted if grant.kind == "group"}
    return Grantees(frozenset({creator, *accounts}), frozenset({"admins", *groups}))
