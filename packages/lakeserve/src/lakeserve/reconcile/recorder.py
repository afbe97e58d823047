"""Writes observed states into storage without anybody waiting for it."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from lakeserve.core.endpoints import EntityState
from lakeserve.core.errors import Unavailable
from lakeserve.core.ids import now_ms
from lakeserve.storage.database import Storage

logger = logging.getLogger(__name__)

RETRY_S = 5.0


class StateRecorder:
    """Stores the newest states; changes that come while one write runs are written together."""

    def __init__(self, storage: Storage, retry_s: float = RETRY_S) -> None:
        self._storage = storage
        self._retry_s = retry_s
        self._written: dict[str, EntityState] = {}
        self._newest: Mapping[str, EntityState] = {}
        self._pending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write_changes(), name="state recorder")

    def record(self, states: Mapping[str, EntityState]) -> None:
        """Have these states written soon. The mapping must not change afterwards."""
        self._newest = states
        self._pending.set()

    async def stop(self) -> None:
        """Write what is pending, once, and end."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        with suppress(Unavailable):  # storage has logged it, and the next start observes anew
            await self._write()

    async def _write_changes(self) -> None:
        while True:
            await self._pending.wait()
            self._pending.clear()
            try:
                await self._write()
            except Exception:
                # Serving does not depend on this write; the next attempt carries newer states.
                logger.exception("observed states were not stored; trying again")
                self._pending.set()
                await asyncio.sleep(self._retry_s)

    async def _write(self) -> None:
        newest = self._newest
        changed = {
            entity_id: state
            for entity_id, state in newest.items()
            if self._written.get(entity_id) != state
        }
        if changed:
            now = now_ms()
            await self._storage.write(lambda transaction: transaction.states.save(changed, now))
            self._written.update(changed)
