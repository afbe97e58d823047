"""Everything that Prometheus may know, as the text that it reads."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lakeserve.core.ids import now_ms
from lakeserve.reconcile.call_metrics import CallMetrics
from lakeserve.reconcile.worker_metrics import WorkerMetrics
from lakeserve.storage.journal import JournalFolder
from lakeserve.storage.process_status import read_statuses


class MetricsExport:
    """Brings together what was counted of calls and what gateway processes say of themselves.

    Args:
        calls: Counted calls.
        folder: The journals that wait.
        directory: Where gateway processes write their numbers.
        workers: What the workers of this machine take, where there are some.
    """

    def __init__(
        self,
        calls: CallMetrics,
        folder: JournalFolder,
        directory: Path,
        workers: WorkerMetrics | None = None,
    ) -> None:
        self._calls = calls
        self._workers = workers
        self._folder = folder
        self._directory = directory

    def platform(self) -> bytes:
        """The metrics of the whole platform."""
        return _text(_Platform(self._calls, self._folder, self._directory))

    def endpoint(self, endpoint_id: str) -> bytes:
        """The metrics of one endpoint, in the names of the reference service."""
        return _text(_Endpoint(self._calls, self._workers, endpoint_id))


class _Endpoint(Collector):
    def __init__(self, calls: CallMetrics, workers: WorkerMetrics | None, endpoint_id: str) -> None:
        self._calls = calls
        self._workers = workers
        self._endpoint_id = endpoint_id

    def collect(self) -> Iterator[Metric]:
        yield from self._calls.of_endpoint(self._endpoint_id)
        if self._workers is not None:
            yield from self._workers.of_endpoint(self._endpoint_id)


class _Platform(Collector):
    def __init__(self, calls: CallMetrics, folder: JournalFolder, directory: Path) -> None:
        self._calls = calls
        self._folder = folder
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        yield from self._calls.collect()
        yield from self._processes()
        backlog = self._folder.backlog()
        yield GaugeMetricFamily(
            "lakeserve_journal_backlog_bytes",
            "Written down and not in the tables yet.",
            value=backlog.size,
        )
        age = 0 if backlog.oldest_at is None else max(0, now_ms() - backlog.oldest_at)
        yield GaugeMetricFamily(
            "lakeserve_journal_backlog_age_seconds",
            "Age of the oldest journal that is not in the tables yet.",
            value=age / 1000,
        )

    def _processes(self) -> Iterator[Metric]:
        """One family per number, labelled with the id of the process that it is of."""
        families: dict[str, GaugeMetricFamily] = {}
        strays = CounterMetricFamily(
            "lakeserve_gateway_unmatched_requests",
            "Requests that were refused before it was known which endpoint they concern.",
            labels=("process", "status"),
        )
        for process, said in read_statuses(self._directory).items():
            for status, count in said.strays.items():
                strays.add_metric((process, status), count)
            for name, number in said.numbers.items():
                family = families.get(name)
                if family is None:
                    family = families[name] = GaugeMetricFamily(
                        f"lakeserve_gateway_{name}",
                        f"{name.replace('_', ' ').capitalize()} of a gateway process.",
                        labels=("process",),
                    )
                family.add_metric((process,), number)
        yield strays
        yield from families.values()


def _text(collector: Collector) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)
