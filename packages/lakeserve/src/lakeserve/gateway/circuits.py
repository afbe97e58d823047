"""The circuits of all upstreams."""

import math
from collections.abc import Callable

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import Unavailable
from lakeserve.gateway.attempt_failure import AttemptFailed
from lakeserve.gateway.circuit import Circuit

# A plain 500 may be one caller's doing, and 429 is an upstream that works.
OUTAGES = frozenset({502, 503, 504, 529})
LOCAL = "local"


class Circuits:
    """By served entity. Only those that have failed since their last success have one.

    Local workers have none: whoever supervises them knows better.

    Attributes:
        failing: The circuits, by id of the entity.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.failing: dict[str, Circuit] = {}

    def check(self, target: Target) -> None:
        """Let a call pass.

        Raises:
            AttemptFailed: The upstream is to be left alone for now.
        """
        circuit = self.failing.get(target.entity_id)
        if circuit is None or circuit.admits():
            return
        wait = max(1, math.ceil(circuit.remaining_s))
        text = (
            f"The upstream of served entity {target.entity_name!r} has failed {circuit.failures}"
            f" times in a row and is not asked for {wait} s."
        )
        raise AttemptFailed(Unavailable(text, retry_after=wait), is_final=True)

    def failed(self, target: Target, failure: AttemptFailed) -> None:
        """A call that was let through failed; a final failure says nothing of the upstream."""
        if failure.is_final or target.provider == LOCAL:
            return
        if (failure.status or failure.error.status) not in OUTAGES:
            return
        circuit = self.failing.get(target.entity_id)
        if circuit is None:
            circuit = self.failing[target.entity_id] = Circuit(self._clock)
        circuit.failed()

    def succeeded(self, target: Target) -> None:
        """A call that was let through was answered."""
        if self.failing:
            self.failing.pop(target.entity_id, None)
