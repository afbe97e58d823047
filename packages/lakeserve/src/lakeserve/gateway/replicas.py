"""Which replica of a worker gets a call."""

import random

from lakeserve.core.endpoints import Address, Target
from lakeserve.gateway.upstream.pool import Origin, UpstreamPool


def least_busy(target: Target, pool: UpstreamPool) -> Address | None:
    """Where the fewest calls of this process are; None while no worker of the entity listens."""
    if not target.others or target.address is None:
        return target.address
    # By chance among equals: calls that come at once do not all go the same way.
    return min(
        (target.address, *target.others),
        key=lambda each: (pool.in_use(Origin(each)), random.random()),
    )
