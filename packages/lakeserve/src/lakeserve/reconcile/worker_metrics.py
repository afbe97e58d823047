"""What the worker processes of an endpoint take of their machine."""

from collections.abc import Iterator
from typing import Protocol

import psutil
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.ports import Snapshot
from lakeserve.reconcile.call_metrics import ENDPOINT_LABELS


class Workers(Protocol):
    """Knows endpoints and the processes that serve them."""

    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        ...

    def worker_pids(self, entity_id: str) -> tuple[int, ...]:
        """The processes that serve an entity on this machine."""
        ...

    def provisioned_concurrency(self, entity_id: str) -> int | None:
        """The calls that the workers of an entity answer at a time now; None where nobody says."""
        ...


class WorkerMetrics:
    """Looks at processes whenever it is asked; CPU time is counted from one look to the next."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._processes: dict[int, psutil.Process] = {}

    def of_endpoint(self, endpoint_id: str) -> Iterator[Metric]:
        """What an endpoint's workers take and can do, in the reference service's names.

        Entities without workers on this machine have no CPU and no memory, and those whose
        concurrency nobody has said have none.
        """
        cpu = GaugeMetricFamily(
            "cpu_usage_percentage", "CPU time of the machine, all of it.", labels=ENDPOINT_LABELS
        )
        memory = GaugeMetricFamily(
            "mem_usage_percentage", "Memory of the machine.", labels=ENDPOINT_LABELS
        )
        provisioned = GaugeMetricFamily(
            "provisioned_concurrent_requests_total",
            "Calls that can be answered at a time.",
            labels=ENDPOINT_LABELS,
        )
        found = self._endpoint(endpoint_id)
        named = () if found is None else (found.name, found.id)
        for target in () if found is None else found.targets:
            shares = [self._shares(pid) for pid in self._workers.worker_pids(target.entity_id)]
            calls = self._workers.provisioned_concurrency(target.entity_id)
            labels = (*named, target.entity_name, "1")
            if shares:
                cpu.add_metric(labels, sum(each[0] for each in shares))
                memory.add_metric(labels, sum(each[1] for each in shares))
            if calls is not None:
                provisioned.add_metric(labels, calls)
        yield from (cpu, memory, provisioned)

    def _endpoint(self, endpoint_id: str) -> RoutableEndpoint | None:
        endpoints = self._workers.snapshot().endpoints.values()
        return next((each for each in endpoints if each.id == endpoint_id), None)

    def _shares(self, pid: int) -> tuple[float, float]:
        """Percentages of the machine's CPU time and memory that a process takes."""
        try:
            process = self._processes.get(pid)
            if process is None or not process.is_running():
                process = self._processes[pid] = psutil.Process(pid)
            return process.cpu_percent() / (psutil.cpu_count() or 1), process.memory_percent()
        except psutil.Error:
            self._processes.pop(pid, None)
            return 0.0, 0.0
