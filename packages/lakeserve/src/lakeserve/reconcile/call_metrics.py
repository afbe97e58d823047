"""Counts calls for Prometheus as they pass from journals into the tables.

So every gateway process of this machine is counted without a word between them, and the way of a
call through the gateway pays nothing for it; the numbers are about a second old.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from lakeserve.core.usage import CallRecord
from lakeserve.storage.frames import Entry

# Milliseconds; the reference service's go from 5 to 600,000.
BUCKETS_MS = (
    *(5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000),
    *(10_000, 30_000, 60_000, 120_000, 300_000, 600_000),
)
BUCKETS_S = tuple(each / 1000 for each in BUCKETS_MS)
WINDOW_S = 60
# Endpoints that are gone and entities of old configs must not fill the memory for ever.
MAX_SERIES = 20_000

ENDPOINT_LABELS = ("endpoint_name", "endpoint_id", "served_model_name", "served_model_version")


class Histogram:
    """How long something took, in milliseconds."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_MS) + 1)
        self.sum = 0.0

    def observe(self, milliseconds: float) -> None:
        """Add one."""
        self.counts[bisect_left(BUCKETS_MS, milliseconds)] += 1
        self.sum += milliseconds

    def buckets(self, bounds: Sequence[float]) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus wants them."""
        total = 0
        cumulative = []
        for bound, count in zip((*map(_shown, bounds), "+Inf"), self.counts, strict=True):
            total += count
            cumulative.append((bound, float(total)))
        return cumulative


class LastMinute:
    """Counts of calls by the second in which they were begun, for the newest 60 seconds."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds: dict[int, list[int]] = {}

    def add(self, second: int, status: int) -> None:
        """Count one call."""
        counts = self._seconds.get(second)
        if counts is None:
            for old in [each for each in self._seconds if each <= second - WINDOW_S]:
                del self._seconds[old]
            counts = self._seconds[second] = [0, 0, 0]
        counts[0] += 1
        if status >= 500:
            counts[2] += 1
        elif status >= 400:
            counts[1] += 1

    def counts(self, now: int) -> tuple[int, int, int]:
        """Calls, those answered with 4xx and those with 5xx."""
        kept = [counts for second, counts in self._seconds.items() if now - WINDOW_S < second]
        all_, clients, servers = (sum(each[i] for each in kept) for i in range(3))
        return all_, clients, servers


class _Series:
    """What is known of the calls that one served entity answered."""

    __slots__ = (
        *("cost", "duration", "endpoint_id", "endpoint_name", "entity_name", "first_byte"),
        *("input_tokens", "last_minute", "output_tokens", "prediction", "queue", "statuses"),
    )

    def __init__(self, call: CallRecord) -> None:
        self.endpoint_id = call.endpoint_id
        self.endpoint_name = call.endpoint_name
        self.entity_name = call.entity_name
        self.statuses: dict[tuple[int, bool, bool], int] = {}
        self.last_minute = LastMinute()
        self.duration, self.queue = Histogram(), Histogram()
        self.prediction, self.first_byte = Histogram(), Histogram()
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost = 0.0

    def add(self, call: CallRecord, cost: float) -> None:
        key = (call.status, call.is_cached, call.is_shadow)
        self.statuses[key] = self.statuses.get(key, 0) + 1
        self.cost += cost
        if not call.is_cached:
            self.input_tokens += call.input_tokens
            self.output_tokens += call.output_tokens
        if call.is_shadow:
            return
        self.last_minute.add(call.started_at // 1000, call.status)
        self.duration.observe(call.duration_ms)
        if call.attempts:
            self.queue.observe(call.queue_ms)
            self.prediction.observe(call.duration_ms - call.queue_ms)
        if call.first_byte_ms is not None:
            self.first_byte.observe(call.first_byte_ms)

    @property
    def labels(self) -> tuple[str, str, str, str]:
        return self.endpoint_name, self.endpoint_id, self.entity_name, "1"


class CallMetrics:
    """The observer of a ``Bookkeeper`` that counts; Prometheus' registries can collect it.

    Args:
        currency: Of costs.
        clock: Epoch seconds.
    """

    def __init__(self, currency: str, clock: Callable[[], float] = time.time) -> None:
        self._currency = currency
        self._clock = clock
        self._series: dict[tuple[str, str], _Series] = {}
        self._refused: dict[tuple[str, str], int] = {}

    def observe(self, entries: Sequence[Entry]) -> None:
        """Count calls."""
        for call, cost, _ in entries:
            # By what the metrics are labelled with: an updated config has new ids for old names. An
            # endpoint that was made anew under an old name begins at 0, as after a restart.
            key = (call.endpoint_name, call.entity_name)
            series = self._series.get(key)
            if series is None or series.endpoint_id != call.endpoint_id:
                if len(self._series) >= MAX_SERIES:
                    self._series.clear()
                series = self._series[key] = _Series(call)
            series.add(call, cost)
            if call.refused_by:
                self._refuse(call.endpoint_name, call.refused_by)

    def collect(self) -> Iterator[Metric]:
        """The platform's own metrics."""
        calls = CounterMetricFamily(
            "lakeserve_calls",
            "Calls of endpoints by how they were answered.",
            labels=("endpoint", "entity", "status", "cached", "shadow"),
        )
        tokens = CounterMetricFamily(
            "lakeserve_tokens", "Tokens used.", labels=("endpoint", "entity", "direction")
        )
        cost = CounterMetricFamily(
            "lakeserve_cost",
            "What calls cost by the price table.",
            labels=("endpoint", "entity", "currency"),
        )
        for series in self._series.values():
            names = (series.endpoint_name, series.entity_name)
            for (status, cached, shadow), count in series.statuses.items():
                flags = (str(status), _flag(cached), _flag(shadow))
                calls.add_metric((*names, *flags), count)
            tokens.add_metric((*names, "input"), series.input_tokens)
            tokens.add_metric((*names, "output"), series.output_tokens)
            if series.cost:
                cost.add_metric((*names, self._currency), series.cost)
        refused = CounterMetricFamily(
            "lakeserve_refused_calls",
            "Calls that the governance of their endpoint refused.",
            labels=("endpoint", "reason"),
        )
        for names, count in self._refused.items():
            refused.add_metric(names, count)
        yield from (calls, tokens, cost, refused)
        yield from self._histograms()

    def of_endpoint(self, endpoint_id: str) -> Iterator[Metric]:
        """What the reference service exports of one endpoint."""
        its = [each for each in self._series.values() if each.endpoint_id == endpoint_id]
        its = [each for each in its if each.entity_name]
        now = int(self._clock())
        for index, name in enumerate(("request", "request_4xx", "request_5xx")):
            gauge = GaugeMetricFamily(
                f"{name}_count_total", "Calls in the last minute.", labels=ENDPOINT_LABELS
            )
            for series in its:
                gauge.add_metric(series.labels, series.last_minute.counts(now)[index])
            yield gauge
        for name, what, field in (
            ("request_latency_ms", "From the request to the end of its answer.", "duration"),
            ("model_queue_time_ms", "From the request until the model was asked.", "queue"),
            ("model_prediction_latency_ms", "What the model took.", "prediction"),
        ):
            family = HistogramMetricFamily(name, what, labels=ENDPOINT_LABELS)
            for series in its:
                histogram: Histogram = getattr(series, field)
                family.add_metric(series.labels, histogram.buckets(BUCKETS_MS), histogram.sum)
            yield family

    def _refuse(self, endpoint: str, reason: str) -> None:
        if len(self._refused) >= MAX_SERIES:
            self._refused.clear()
        self._refused[endpoint, reason] = self._refused.get((endpoint, reason), 0) + 1

    def _histograms(self) -> Iterator[Metric]:
        for name, what, field in (
            ("duration", "From the request to the last byte of its answer.", "duration"),
            ("queue", "From the request until it was sent upstream.", "queue"),
            ("first_byte", "From the request to the first byte of its answer.", "first_byte"),
        ):
            family = HistogramMetricFamily(
                f"lakeserve_call_{name}_seconds", what, labels=("endpoint", "entity")
            )
            for series in self._series.values():
                histogram: Histogram = getattr(series, field)
                names = (series.endpoint_name, series.entity_name)
                family.add_metric(names, histogram.buckets(BUCKETS_S), histogram.sum / 1000)
            yield family


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _shown(bound: float) -> str:
    return f"{bound:g}" if bound < 1e6 else str(bound)
