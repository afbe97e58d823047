"""Which served entity answers a call."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

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
    if entity is not None:
        return _named(endpoint, entity)
    if not endpoint.targets:
        raise Unavailable(f"Endpoint {endpoint.name!r} has no served entity yet.")
    return Split(endpoint.targets).draw()


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


class Split:
    """Draws targets by weight, at the cost of one random number.

    Those that cannot serve are only drawn when none can; without any weight all count the same.

    Raises:
        IndexError: On drawing from no targets.
    """

    __slots__ = ("_bounds", "_targets", "_total")

    def __init__(self, targets: Sequence[Target]) -> None:
        able = [target for target in targets if target.failure is None]
        weighted = [target for target in able if target.weight]
        weighted = weighted or [target for target in targets if target.weight]
        self._targets = weighted or able or list(targets)
        weights = (target.weight for target in weighted)
        self._bounds = list(accumulate(weights)) or list(range(1, len(self._targets) + 1))
        self._total = self._bounds[-1] if self._bounds else 0

    def draw(self) -> Target:
        """One of them."""
        targets = self._targets
        if len(targets) == 1:
            return targets[0]
        return targets[bisect_right(self._bounds, random.random() * self._total)]
