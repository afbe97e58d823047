"""What a caller is told whose limit is used up."""

from typing import NamedTuple

from lakeserve.core.ai_gateway import RateLimitKey
from lakeserve.core.errors import TooManyRequests

_WHOSE: dict[RateLimitKey, str] = {
    "endpoint": "",
    "user": " for user",
    "user_group": " for user group",
    "service_principal": " for service principal",
}
_KINDS = {
    "calls": "Requests-per-minute (RPM)",
    "tokens": "Tokens-per-minute (TPM)",
}


class UsedUp(NamedTuple):
    """A limit without room.

    Attributes:
        kind: ``calls`` or ``tokens``.
        wait_s: Whole seconds until it has room.
    """

    whose: RateLimitKey
    kind: str
    wait_s: int


def refusal(endpoint_name: str, used_up: list[UsedUp]) -> TooManyRequests:
    """The documented answer; it names the first limit and waits for all of them."""
    first = used_up[0]
    refused = TooManyRequests(
        f"REQUEST_LIMIT_EXCEEDED: User defined rate limit(s) exceeded for '{endpoint_name}'."
        f" {_KINDS[first.kind]} rate limit exceeded{_WHOSE[first.whose]}.",
        retry_after=max(one.wait_s for one in used_up),
    )
    refused.refused_by = f"rate_limit_{first.kind}"
    return refused
