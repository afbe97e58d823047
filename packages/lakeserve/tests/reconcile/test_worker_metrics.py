"""What workers take, of real processes."""

import os
from dataclasses import replace

from gateway.stage import endpoint, target
from lakeserve.core.ports import Snapshot
from lakeserve.reconcile.worker_metrics import WorkerMetrics
from prometheus_client.metrics_core import Metric

ENDPOINT = endpoint("mine", "llm/v1/chat", target("here", None), target("elsewhere", None))


class OneWorker:
    """This process serves one entity, and one that has ended another."""

    def __init__(self) -> None:
        self.pids: dict[str, tuple[int, ...]] = {"id-here": (os.getpid(), 2**22 + 1)}

    def snapshot(self) -> Snapshot:
        return Snapshot({"mine": replace(ENDPOINT, id="e")})

    def worker_pids(self, entity_id: str) -> tuple[int, ...]:
        return self.pids.get(entity_id, ())

    def provisioned_concurrency(self, entity_id: str) -> int | None:
        return {"id-here": 8}.get(entity_id)


def by_name(metrics: "list[Metric]") -> dict[str, list[tuple[dict[str, str], float]]]:
    return {each.name: [(s.labels, s.value) for s in each.samples] for each in metrics}


def test_what_a_worker_takes() -> None:
    metrics = WorkerMetrics(OneWorker())
    list(metrics.of_endpoint("e"))
    sum(range(2_000_000))
    found = by_name(list(metrics.of_endpoint("e")))
    labels = {
        "endpoint_name": "mine",
        "endpoint_id": "e",
        "served_model_name": "here",
        "served_model_version": "1",
    }
    ((seen, cpu),) = found["cpu_usage_percentage"]
    assert seen == labels
    assert 0 < cpu <= 100
    ((_, memory),) = found["mem_usage_percentage"]
    assert 0 < memory < 100
    assert found["provisioned_concurrent_requests_total"] == [(labels, 8)]


def test_an_endpoint_without_workers_here() -> None:
    found = by_name(list(WorkerMetrics(OneWorker()).of_endpoint("other")))
    assert found == {
        "cpu_usage_percentage": [],
        "mem_usage_percentage": [],
        "provisioned_concurrent_requests_total": [],
    }
