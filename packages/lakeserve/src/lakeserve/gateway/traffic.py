"""Which served entity answers a call."""

import random

from lakeserve.core.endpoints import RoutableEndpoint, Target
from lakeserve.core.errors import ResourceMissing, Unavailable


def pick(endpoint: RoutableEndpoint, entity: str | None) -> Target:
    """The target for one call: the named one, or one drawn by weight from those that can serve.

    Raises:
        ResourceMissing: The endpoint has no entity of that name.
        Unavailable: The target cannot serve; the text says why.
    """
    target = _drawn(endpoint) if entity is None else _named(endpoint, entity)
    if target.failure is not None:
        raise Unavailable(
            f"Served entity {target.entity_name!r} of endpoint {endpoint.name!r} cannot serve:"
            f" {target.failure}"
        )
    return target


def _named(endpoint: RoutableEndpoint, entity: str) -> Target:
    for target in endpoint.targets:
        if target.entity_name == entity:
            return target
    names = ", ".join(target.entity_name for target in endpoint.targets)
    raise ResourceMissing(
        f"Endpoint {endpoint.name!r} has no served entity {entity!r}; it has: {names}."
    )


def _drawn(endpoint: RoutableEndpoint) -> Target:
    targets = endpoint.targets
    if len(targets) == 1:
        return targets[0]
    if not targets:
        raise Unavailable(f"Endpoint {endpoint.name!r} has no served entity yet.")
    weighted = [target for target in targets if target.weight > 0] or list(targets)
    able = [target for target in weighted if target.failure is None] or weighted
    return random.choices(able, [max(target.weight, 1) for target in able])[0]
