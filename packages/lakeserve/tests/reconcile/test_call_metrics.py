"""Numbers for Prometheus, read back with Prometheus' own parser."""

from collections.abc import Iterator
from typing import Any

from lakeserve.core.usage import CallRecord
from lakeserve.reconcile import call_metrics
from lakeserve.reconcile.call_metrics import BUCKETS_MS, CallMetrics, Histogram, LastMinute
from lakeserve.storage.frames import Entry
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

CALL = CallRecord(
    *("r", None, "e", "chat", "s", "chat-1", "anna", "chat", 200, False, 100_000, 30.0),
    queue_ms=10.0,
    first_byte_ms=20.0,
    input_tokens=3,
    output_tokens=4,
    attempts=1,
)


class Endpoint:
    """Collects what one endpoint exports."""

    def __init__(self, metrics: CallMetrics, endpoint_id: str) -> None:
        self.metrics, self.endpoint_id = metrics, endpoint_id

    def collect(self) -> Iterator[Metric]:
        return self.metrics.of_endpoint(self.endpoint_id)


Sample = tuple[str, frozenset[tuple[str, str]]]


def samples(collector: Any) -> dict[Sample, float]:
    registry = CollectorRegistry()
    registry.register(collector)
    text = generate_latest(registry).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


def test_the_platforms_own() -> None:
    metrics = CallMetrics("EUR")
    metrics.observe(
        [
            Entry(CALL, 0.5),
            Entry(CALL._replace(status=429, attempts=0, first_byte_ms=None), 0.0),
            Entry(CALL._replace(is_cached=True, attempts=0), 0.0),
            Entry(CALL._replace(is_shadow=True), 0.25),
        ]
    )
    found = samples(metrics)
    chat = {"endpoint": "chat", "entity": "chat-1"}

    def calls(status: str, cached: str, shadow: str) -> float:
        labels = {**chat, "status": status, "cached": cached, "shadow": shadow}
        return found[key("lakeserve_calls_total", **labels)]

    assert calls("200", "false", "false") == 1
    assert calls("429", "false", "false") == 1
    assert calls("200", "true", "false") == 1
    assert calls("200", "false", "true") == 1
    assert found[key("lakeserve_tokens_total", **chat, direction="input")] == 9
    assert found[key("lakeserve_tokens_total", **chat, direction="output")] == 12
    assert found[key("lakeserve_cost_total", **chat, currency="EUR")] == 0.75
    duration = "lakeserve_call_duration_seconds"
    assert found[key(f"{duration}_count", **chat)] == 3
    assert found[key(f"{duration}_bucket", **chat, le="0.025")] == 0
    assert found[key(f"{duration}_bucket", **chat, le="0.05")] == 3
    assert found[key("lakeserve_call_queue_seconds_count", **chat)] == 1


def test_refusals_are_counted_by_their_reason() -> None:
    metrics = CallMetrics("EUR")
    refused = CALL._replace(status=429, refused_by="budget", entity_id="", entity_name="")
    forbidden = CALL._replace(status=400, refused_by="output_guardrail")
    metrics.observe([Entry(each, 0.0) for each in (CALL, refused, refused, forbidden)])
    found = samples(metrics)
    name = "lakeserve_refused_calls_total"
    assert {each: count for each, count in found.items() if each[0] == name} == {
        key(name, endpoint="chat", reason="budget"): 2,
        key(name, endpoint="chat", reason="output_guardrail"): 1,
    }


def test_names_that_are_used_again_are_counted_once() -> None:
    metrics = CallMetrics("EUR")
    metrics.observe([Entry(CALL, 0.0), Entry(CALL._replace(entity_id="updated"), 0.0)])
    total = key("lakeserve_tokens_total", endpoint="chat", entity="chat-1", direction="input")
    assert samples(metrics)[total] == 6
    metrics.observe([Entry(CALL._replace(endpoint_id="made anew"), 0.0)])
    assert samples(metrics)[total] == 3
    registry = CollectorRegistry()
    registry.register(metrics)
    lines = generate_latest(registry).decode().splitlines()
    assert len({line.rpartition(" ")[0] for line in lines}) == len(lines)


def test_what_an_endpoint_exports() -> None:
    metrics = CallMetrics("USD", clock=lambda: 130.0)
    metrics.observe([Entry(CALL._replace(status=status), 0.0) for status in (200, 404, 503, 503)])
    metrics.observe([Entry(CALL._replace(started_at=10_000), 0.0)])
    metrics.observe([Entry(CALL._replace(endpoint_id="other", endpoint_name="other"), 0.0)])
    metrics.observe([Entry(CALL._replace(entity_id="", entity_name="", status=400), 0.0)])
    found = samples(Endpoint(metrics, "e"))
    labels = {
        "endpoint_name": "chat",
        "endpoint_id": "e",
        "served_model_name": "chat-1",
        "served_model_version": "1",
    }
    assert found[key("request_count_total", **labels)] == 4
    assert found[key("request_4xx_count_total", **labels)] == 1
    assert found[key("request_5xx_count_total", **labels)] == 2
    assert found[key("request_latency_ms_bucket", **labels, le="600000")] == 5
    assert found[key("request_latency_ms_bucket", **labels, le="+Inf")] == 5
    assert found[key("model_queue_time_ms_sum", **labels)] == 50
    assert found[key("model_prediction_latency_ms_sum", **labels)] == 100
    assert {name for name, *_ in found} == {
        *("request_count_total", "request_4xx_count_total", "request_5xx_count_total"),
        *(
            f"{name}_{part}"
            for name in ("request_latency_ms", "model_queue_time_ms", "model_prediction_latency_ms")
            for part in ("bucket", "count", "sum")
        ),
    }


def test_buckets_hold_what_their_bound_says() -> None:
    histogram = Histogram()
    for milliseconds in (5.0, 5.1, 700_000.0):
        histogram.observe(milliseconds)
    buckets = dict(histogram.buckets(BUCKETS_MS))
    assert (buckets["5"], buckets["10"], buckets["600000"], buckets["+Inf"]) == (1, 2, 2, 3)


def test_a_minute_forgets_what_is_older() -> None:
    minute = LastMinute()
    for second in range(200):
        minute.add(second, 200)
    assert minute.counts(199) == (60, 0, 0)
    assert minute.counts(300) == (0, 0, 0)
    assert len(minute._seconds) == 60


def test_the_number_of_series_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(call_metrics, "MAX_SERIES", 3)
    metrics = CallMetrics("USD")
    metrics.observe([Entry(CALL._replace(entity_name=str(number)), 0.0) for number in range(10)])
    assert len(metrics._series) <= 3
