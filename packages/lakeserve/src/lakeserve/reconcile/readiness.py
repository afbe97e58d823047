"""Tells a waiting person how the entities that start with the platform come along."""

import asyncio
import time
from collections.abc import Callable, Sequence

from lakeserve.reconcile.entity import LocalEntity

QUIET_S = 1.0
POLL_S = 0.1
REPEAT_S = 10.0


async def wait_until_settled(
    entities: Sequence[LocalEntity], progress: Callable[[str], None], timeout_s: float
) -> None:
    """Wait until each entity serves or has failed, at most ``timeout_s`` seconds.

    ``progress`` gets a line for whatever takes longer than a second, and for every failure.
    """
    waiting = asyncio.gather(*(entity.settled() for entity in entities))
    teller = _Teller(entities, progress)
    deadline = time.monotonic() + timeout_s
    try:
        while not waiting.done() and time.monotonic() < deadline:
            await asyncio.wait({waiting}, timeout=POLL_S)
            teller.tell()
    finally:
        waiting.cancel()
    for entity in entities:
        if entity.address is None:
            progress(f"{entity.entity.name} is not ready: {entity.state.message}")


class _Teller:
    def __init__(self, entities: Sequence[LocalEntity], progress: Callable[[str], None]) -> None:
        self._entities = entities
        self._progress = progress
        self._began = time.monotonic()
        self._told: dict[str, tuple[str, float]] = {}

    def tell(self) -> None:
        now = time.monotonic()
        if now - self._began < QUIET_S:
            return
        for entity in self._entities:
            if entity.is_settled:
                continue
            message, at = self._told.get(entity.entity.id, ("", 0.0))
            if message != entity.state.message or now - at >= REPEAT_S:
                self._told[entity.entity.id] = (entity.state.message, now)
                self._progress(f"{entity.entity.name}: {entity.state.message}")
