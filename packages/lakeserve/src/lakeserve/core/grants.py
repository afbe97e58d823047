"""Who was granted what on a serving endpoint, a cluster or the use of tokens, as values."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lakeserve.core.identity import Principal

Level = Literal["CAN_VIEW", "CAN_QUERY", "CAN_ATTACH_TO", "CAN_RESTART", "CAN_USE", "CAN_MANAGE"]
GranteeKind = Literal["user", "group", "service_principal"]
ObjectType = Literal["clusters", "authorization"]

# Of serving endpoints, of clusters and of tokens, from the least to the most; each includes those
# before it.
LEVELS: tuple[Level, ...] = ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE")
CLUSTER_LEVELS: tuple[Level, ...] = ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE")
TOKEN_LEVELS: tuple[Level, ...] = ("CAN_USE", "CAN_MANAGE")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user, service principal or group may do with one thing.

    Attributes:
        name: User name, application id or name of the group.
    """

    kind: GranteeKind
    name: str
    level: Level

    def allows(self, level: Level) -> bool:
        """Whether it is that level or one that includes it."""
        return any(
            ladder.index(self.level) >= ladder.index(level)
            for ladder in (LEVELS, CLUSTER_LEVELS, TOKEN_LEVELS)
            if self.level in ladder and level in ladder
        )


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


def grantees(creator: str | None, grants: Iterable[Grant], level: Level) -> Grantees:
    """Who has a level by being the creator, an administrator or by a grant."""
    granted = [grant for grant in grants if grant.allows(level)]
    accounts = {grant.name for grant in granted if grant.kind != "group"}
    groups = {grant.name for grant in granted if grant.kind == "group"}
    if creator is not None:
        accounts.add(creator)
    return Grantees(frozenset(accounts), frozenset({"admins", *groups}))
