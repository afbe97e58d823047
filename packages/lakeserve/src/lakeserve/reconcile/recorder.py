"""Writes observed states into storage without anybody waiting for it."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from lakeserve.core.endpoints import Observed
from lakeserve.core.errors import Unavailable
from lakeserve.core.ids import now_ms
from lakeserve.storage.database import Storage

logger = logging.getLogger(__name__)

RETRY_S = 5.0


class StateRecorder:
    """Stores what is seen; changes that come while one write runs are written together."""

    def __init__(self, storage: Storage, retry_s: float = RETRY_S) -> None:
        self._storage = storage
        self._retry_s = retry_s
        self._written: dict[str, Observed] = {}
        self._newest: dict[str, Observed] = {}
        self._pending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write_changes(), name="state recorder")

    def record(self, seen: Mapping[str, Observed]) -> None:
        """Have this written soon, by entity id, in place of what was seen of them before."""
        for entity_id, observed in seen.items():
            if self._written.get(entity_id) != observed or entity_id in self._newest:
                self._newest[entity_id] = observed
                self._pending.set()

    def forget(self, entity_id: str) -> None:
        """Nothing more is to be written of an entity."""
        self._written.pop(entity_id, None)
        self._newest.pop(entity_id, None)

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
        changed, self._newest = self._newest, {}
        if not changed:
            return
        now = now_ms()
        try:
            await self._storage.write(lambda transaction: transaction.states.save(changed, now))
        except BaseException:
            self._newest = {**changed, **self._newest}
            raise
        self._written.update(changed)
