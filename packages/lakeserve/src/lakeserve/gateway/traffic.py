"""Which served entity answers a call."""

import random

from lakeserve.core.endpoints import RoutableEndpoint, Target
from lakeserve.core.errors import ResourceMissing, Unavailable


def order(endpoint: RoutableEndpoint, entity: str | None) -> tuple[Target, ...]:
    """Who is asked first, and who may be asked after it fails.

    The named entity alone; otherwise one drawn by weight and, where the endpoint falls back, the
    others in the order of the configuration, those without traffic included.

    Raises:
        ResourceMissing: The endpoint has no entity of that name.
        Unavailable: It has none at all.
    """
    return following(endpoint, first(endpoint, entity), entity)


def first(endpoint: RoutableEndpoint, entity: str | None) -> Target:
    """The first of ``order``.

    Raises:
        ResourceMissing: See ``order``.
        Unavailable: See ``order``.
    """
    return _drawn(endpoint) if entity is None else _named(endpoint, entity)


def following(endpoint: RoutableEndpoint, first: Target, entity: str | None) -> tuple[Target, ...]:
    """The order of those who are asked when ``first`` is asked first."""
    if entity is not None or endpoint.ai_gateway is None or not endpoint.ai_gateway.fallback:
        return (first,)
    return (first, *(target for target in endpoint.targets if target is not first))


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
    able = 0
    for target in targets:
        if target.failure is None:
            able += target.weight
    if able:
        return _by_weight(targets, able, only_able=True)
    return _by_weight(targets, sum(target.weight for target in targets))


def _by_weight(targets: tuple[Target, ...], total: int, *, only_able: bool = False) -> Target:
    """One drawn by weight; any of them where none has one."""
    if not total:
        able = [target for target in targets if target.failure is None]
        return random.choice(able or list(targets))
    drawn = random.random() * total
    chosen = targets[0]
    for target in targets:
        if target.weight and not (only_able and target.failure is not None):
            chosen = target
            drawn -= target.weight
            if drawn < 0:
                break
    return chosen
