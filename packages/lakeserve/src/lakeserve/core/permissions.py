"""What principals may do with serving endpoints. Pure: both planes share it."""

from lakeserve.core.endpoints import Endpoint
from lakeserve.core.grants import EVERYONE, LEVELS, NOBODY, Grantees, Level, grantees
from lakeserve.core.identity import Principal


def who_may(endpoint: Endpoint, level: Level) -> Grantees:
    """Those who have a level on an endpoint, or one that includes it."""
    if endpoint.endpoint_type == "FOUNDATION_MODEL_API":
        # Everyone may call a built-in endpoint, and nobody may change it.
        return NOBODY if level == "CAN_MANAGE" else EVERYONE
    return grantees(endpoint.creator, endpoint.grants, level)


def level_of(endpoint: Endpoint, who: Principal) -> Level | None:
    """The highest level of a principal, or None when it may not even see the endpoint."""
    for level in reversed(LEVELS):
        if who_may(endpoint, level).include(who):
            return level
    return None
