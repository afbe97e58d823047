"""Puts the parts of accounting together: those of the platform and those of a gateway process."""

import asyncio
from contextlib import suppress

from lakeserve.core.ports import Directory
from lakeserve.reconcile.bookkeeper import Bookkeeper
from lakeserve.reconcile.budgets import Budgets
from lakeserve.reconcile.call_metrics import CallMetrics
from lakeserve.reconcile.ledger import JournalLedger
from lakeserve.reconcile.metrics_export import MetricsExport
from lakeserve.reconcile.worker_metrics import WorkerMetrics, Workers
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.storage.journal import JournalFolder, JournalWriter
from lakeserve.storage.payloads import PayloadTables
from lakeserve.storage.process_status import Gauges, ProcessStatus

TELL_S = 1.0


class PlatformBooks:
    """Moves the journals of one data directory into tables and counts them; one per platform.

    Args:
        storage: Has the tables.
        settings: Directories, prices and how long calls are kept.
        workers: Whose CPU and memory metrics show, or None for nobody's.

    Attributes:
        metrics: What Prometheus may know.
    """

    def __init__(
        self, storage: Storage, settings: Settings, workers: Workers | None = None
    ) -> None:
        seen = None if workers is None else WorkerMetrics(workers)
        folder = JournalFolder(settings.journal_dir)
        folder.prepare()
        calls = CallMetrics(settings.prices.currency)
        self.metrics = MetricsExport(calls, folder, settings.journal_dir, seen)
        self._bookkeeper = Bookkeeper(
            storage,
            folder,
            PayloadTables(settings.tables_dir),
            workspace_id=settings.workspace_id,
            retention_days=settings.usage.retention_days,
            observers=[calls.observe],
        )

    def start(self) -> None:
        """Begin to move."""
        self._bookkeeper.start()

    async def stop(self) -> None:
        """Move what is left; gateway processes have stopped."""
        await self._bookkeeper.stop()


class GatewayBooks:
    """Writes the calls of this process down and knows budgets; one per gateway process.

    Attributes:
        ledger: For the gateway.
    """

    def __init__(self, storage: Storage, directory: Directory, settings: Settings) -> None:
        prices = settings.prices
        self._writer = JournalWriter(settings.journal_dir)
        self._budgets = Budgets(storage, directory, prices.currency)
        self._directory = settings.journal_dir
        self._telling: asyncio.Task[None] | None = None
        self.ledger = JournalLedger(self._writer, prices.table(), self._budgets)

    async def start(self, gauges: Gauges) -> None:
        """Read what was spent, and begin.

        Args:
            gauges: What else to say of this process for metrics.

        Raises:
            Unavailable: The database cannot be read.
        """
        await self._budgets.start()
        self.ledger.start()
        writer = self._writer
        own: Gauges = {
            "journal_waiting": lambda: writer.waiting,
            "journal_failures": lambda: writer.failures,
            "journal_lost": lambda: writer.lost,
        }
        status = ProcessStatus(self._directory, {**gauges, **own}, self.ledger.strays)
        self._telling = asyncio.create_task(_tell(status), name="process status")

    async def stop(self) -> None:
        """Write down what is left; the gateway has stopped."""
        if self._telling is not None:
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling
        await self.ledger.stop()
        await self._budgets.stop()


async def _tell(status: ProcessStatus) -> None:
    try:
        while True:
            status.write()
            await asyncio.sleep(TELL_S)
    finally:
        status.remove()
