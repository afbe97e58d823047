"""How a worker is looked after while it serves. Pure values."""

from dataclasses import dataclass

from lakeserve.settings import EngineSettings


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a worker is asked how it is, and what its answers mean. Times are seconds.

    Attributes:
        interval_s: Pause between two questions.
        timeout_s: An answer that takes longer counts as missed.
        misses: Missed answers in a row after which a worker counts as hung.
        idle_timeout_s: Without calls for so long, a worker that may sleep is stopped.
        linger_s: Between the news that a worker takes no more calls and its end: calls that were
            on their way when the news came still find it.
    """

    interval_s: float = 5.0
    timeout_s: float = 5.0
    misses: int = 3
    idle_timeout_s: float = 600.0
    linger_s: float = 2.0


USUAL_HEARTBEAT = Heartbeat()


def heartbeat(engine: EngineSettings) -> Heartbeat:
    """The rhythm that the settings want."""
    return Heartbeat(
        interval_s=min(engine.probe_interval_s, engine.idle_timeout_s),
        timeout_s=engine.probe_timeout_s,
        idle_timeout_s=engine.idle_timeout_s,
    )
