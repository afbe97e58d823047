"""A worker that runs a server program of somebody else: any that speaks OpenAI's protocol."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lakeserve.core.endpoints import Address
from lakeserve.workers.health import fetch, probe
from lakeserve.workers.protocols import Listens, Prober, Pulse

KEEPER = "lakeserve.workers.keeper"


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """A command line that starts a server.

    Attributes:
        words: The command; ``{socket}``, or ``{host}`` and ``{port}``, say where to listen, and
            ``{name}`` what its model is to be called.
        model_name: What replaces ``{name}``.
        health_path: Answers 200 when it is ready.
        gauges: Names of Prometheus metrics at ``/metrics`` that sum up to the requests it has.
        counters: Names of metrics there that grow with every request.
        variables: Environment variables beside those of this process.
        bearer_variable: The one from which it takes the bearer token that callers are to show.
    """

    words: tuple[str, ...]
    model_name: str
    health_path: str = "/health"
    gauges: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    bearer_variable: str | None = None

    def command(self, address: Address) -> list[str]:
        """See ``Program``. A keeper runs it, which ends it when this process ends."""
        places = {
            "{socket}": address.uds or "",
            "{host}": address.host,
            "{port}": str(address.port),
            "{name}": self.model_name,
        }
        return [sys.executable, "-m", KEEPER, *(_filled(word, places) for word in self.words)]

    def environment(self) -> Mapping[str, str]:
        """See ``Program``."""
        return self.variables

    @property
    def listens(self) -> Listens:
        """See ``Program``."""
        return "socket" if any("{socket}" in word for word in self.words) else "port"

    def prober(self) -> Prober:
        """See ``Program``."""
        return MetricsProber(self.health_path, self.gauges, self.counters)


class MetricsProber:
    """Asks a server how it is, and takes what it is doing from its metrics.

    A server without metrics counts as idle since just now: it never sleeps.
    """

    def __init__(
        self,
        health_path: str,
        gauges: Sequence[str],
        counters: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._health_path = health_path
        self._gauges = gauges
        self._counters = counters
        self._clock = clock
        self._counted = -1.0
        self._busy_at = clock()

    async def __call__(self, address: Address, timeout_s: float) -> Pulse | None:
        """See ``Prober``."""
        pulse = await probe(address, timeout_s, self._health_path)
        if pulse is None or not self._gauges:
            return pulse
        page = await fetch(address, "/metrics", timeout_s)
        if page is None:
            return Pulse()
        metrics = sums(page.decode("utf-8", "replace"))
        active = round(sum(metrics.get(name, 0.0) for name in self._gauges))
        counted = sum(metrics.get(name, 0.0) for name in self._counters)
        if active or counted != self._counted:
            self._counted, self._busy_at = counted, self._clock()
        return Pulse(active, 0.0 if active else self._clock() - self._busy_at)


def sums(page: str) -> dict[str, float]:
    """The metrics of a Prometheus page by name, those that differ in labels added up."""
    found: dict[str, float] = {}
    for line in page.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
        value = rest.rpartition("}")[2].split() if "{" in line else rest.split()
        try:
            found[name] = found.get(name, 0.0) + float(value[0])
        except (IndexError, ValueError):
            continue
    return found


def _filled(word: str, places: Mapping[str, str]) -> str:
    """A word with its places filled; other braces, as JSON has them, stay."""
    for place, text in places.items():
        word = word.replace(place, text)
    return word
