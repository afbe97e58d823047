"""Which limits a call meets. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from lakeserve.core.ai_gateway import RateLimit, RateLimitKey
from lakeserve.core.identity import Principal


class Limit(NamedTuple):
    """What one counting unit may use in 60 seconds.

    Attributes:
        key: Whose use is counted, unique within an endpoint.
        calls: None for any number.
        tokens: None for any number.
    """

    key: str
    calls: int | None
    tokens: int | None


class Requirement(NamedTuple):
    """Limits of which one must have room.

    Attributes:
        whose: The kind of limit, for the text of a refusal.
    """

    whose: RateLimitKey
    alternatives: tuple[Limit, ...]


def requirements(limits: Iterable[RateLimit], caller: Principal) -> tuple[Requirement, ...]:
    """Everything that must have room for a caller's call.

    The endpoint's limit always counts. Of the caller's, a limit with its name wins over those of
    its groups, and any of them over the default for every user. A member of several limited groups
    needs room in one of them.
    """
    limits = tuple(limits)
    found = []
    endpoint = _joined("endpoint", (one for one in limits if one.key == "endpoint"))
    if endpoint is not None:
        found.append(Requirement("endpoint", (endpoint,)))
    personal = _personal(limits, caller)
    if personal is not None:
        found.append(personal)
    return tuple(found)


def _personal(limits: tuple[RateLimit, ...], caller: Principal) -> Requirement | None:
    for kind in ("user", "service_principal"):
        named = [one for one in limits if one.key == kind and one.principal == caller.name]
        limit = _joined(f"{kind}:{caller.name}", named)
        if limit is not None:
            return Requirement("user" if kind == "user" else "service_principal", (limit,))
    groups = _groups(limits, caller)
    if groups:
        return Requirement("user_group", groups)
    default = [one for one in limits if one.key == "user" and one.principal is None]
    limit = _joined(f"user:{caller.name}", default)
    return None if limit is None else Requirement("user", (limit,))


def _groups(limits: tuple[RateLimit, ...], caller: Principal) -> tuple[Limit, ...]:
    names = dict.fromkeys(
        one.principal for one in limits if one.key == "user_group" and one.principal is not None
    )
    mine = [name for name in names if _is_member(caller, name)]
    found = (
        _joined(
            f"user_group:{name}",
            (one for one in limits if one.key == "user_group" and one.principal == name),
        )
        for name in mine
    )
    return tuple(limit for limit in found if limit is not None)


def _is_member(caller: Principal, group: str) -> bool:
    if group == "users":
        return True
    return caller.admin if group == "admins" else group in caller.groups


def _joined(key: str, limits: Iterable[RateLimit]) -> Limit | None:
    """One limit out of those for calls and those for tokens; of two of a kind the stricter."""
    limits = tuple(limits)
    if not limits:
        return None
    calls = [one.calls for one in limits if one.calls is not None]
    tokens = [one.tokens for one in limits if one.tokens is not None]
    return Limit(key, min(calls, default=None), min(tokens, default=None))
