"""Moves what gateway processes have written down into the tables."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from lakeserve.core.errors import NotBuilt, Unavailable
from lakeserve.core.ids import now_ms
from lakeserve.storage.database import Storage
from lakeserve.storage.frames import Entry, decode, torn_bytes
from lakeserve.storage.journal import JournalFolder
from lakeserve.storage.payloads import PayloadTables

logger = logging.getLogger(__name__)

Observer = Callable[[Sequence[Entry]], None]

INTERVAL_S = 0.2
RETRY_S = 5.0
PRUNE_EVERY_S = 3600.0
DAY_MS = 24 * 3600 * 1000


class Bookkeeper:
    """Moves complete journals into the tables, each exactly once, and forgets old calls.

    A journal is deleted after the transaction that moved it; after a crash between the two the next
    pass finds its name in the tables and only deletes it.

    Payloads go to inference tables after that, in the order in which their journals were moved,
    which the tables remember. While one table cannot be written, only journals with payloads stay.

    Args:
        storage: Has the tables.
        folder: The journals of this machine.
        payloads: The inference tables.
        workspace_id: Stands in every row.
        retention_days: How long single calls are kept.
        observers: Told of the calls of each journal once they are moved.
        interval_s: How often it looks for complete journals.
    """

    def __init__(
        self,
        storage: Storage,
        folder: JournalFolder,
        payloads: PayloadTables,
        *,
        workspace_id: str,
        retention_days: int,
        observers: Sequence[Observer] = (),
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._storage = storage
        self._folder = folder
        self._payloads = payloads
        self._workspace_id = workspace_id
        self._retention_ms = retention_days * DAY_MS
        self._observers = observers
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None
        self._pruned_at: float | None = None

    def start(self) -> None:
        """Begin to move."""
        self._task = asyncio.create_task(self._run(), name="bookkeeper")

    async def stop(self) -> None:
        """Move what is complete, once, and end."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        with suppress(Unavailable):  # storage has logged it, and the next start moves the rest
            await self.collect()

    async def collect(self) -> int:
        """Move the complete journals.

        Returns:
            How many calls were new to the tables.

        Raises:
            Unavailable: The database cannot be written now; what is left stays in its journals.
        """
        new = 0
        waiting: list[tuple[int, Path]] = []
        for path in await asyncio.to_thread(lambda: list(self._folder.complete())):
            entries = await asyncio.to_thread(_read, path)
            new += await self._move(path, entries)
            if any(entry.call.payload_table for entry in entries):
                number = await self._storage.read(
                    lambda transaction, name=path.name: transaction.usage.number(name)  # type: ignore[misc]
                )
                waiting.append((number, path))
            else:
                await asyncio.to_thread(path.unlink, missing_ok=True)
        await self._write_payloads(sorted(waiting))
        return new

    async def _run(self) -> None:
        while True:
            try:
                await self.collect()
                await self._prune()
                pause = self._interval_s
            except Exception:
                # Calls wait in their journals; the next pass takes them.
                logger.exception("journals were not moved into the tables; trying again")
                pause = RETRY_S
            await asyncio.sleep(pause)

    async def _move(self, path: Path, entries: Sequence[Entry]) -> int:
        now = now_ms()
        is_new = await self._storage.write(
            lambda transaction: transaction.usage.move(
                path.name, entries, workspace_id=self._workspace_id, now_ms=now
            )
        )
        if not is_new:
            return 0
        for observer in self._observers:
            observer(entries)
        return len(entries)

    async def _write_payloads(self, journals: Sequence[tuple[int, Path]]) -> None:
        for number, path in journals:
            try:
                await asyncio.to_thread(self._append, number, path)
            except (OSError, NotBuilt) as error:
                logger.error(
                    "%d journals wait for their inference tables, which cannot be written: %s",
                    *(len(journals), error),
                )
                return
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def _append(self, number: int, path: Path) -> None:
        entries = [entry for entry in _read(path) if entry.call.payload_table]
        self._payloads.append(entries, number)

    async def _prune(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._pruned_at is not None and now < self._pruned_at + PRUNE_EVERY_S:
            return
        wall = now_ms()
        await self._storage.write(
            lambda transaction: transaction.usage.prune(
                calls_before_ms=wall - self._retention_ms, journals_before_ms=wall - DAY_MS
            )
        )
        self._pruned_at = now


def _read(path: Path) -> list[Entry]:
    data = path.read_bytes()
    entries = list(decode(data))
    torn = torn_bytes(data)
    if torn:
        logger.warning(
            "usage journal %s ends in %d bytes of a call that was never answered whole", path, torn
        )
    return entries
