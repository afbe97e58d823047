"""How many replicas an entity wants for the calls that it has. Pure: it decides and never sleeps.

The number follows the calls in flight and waiting against what a replica answers at a time,
averaged over a while, as with Ray Serve's autoscaler and Knative's (which is KServe's). More or
fewer replicas have to be wanted for a while, too: as with the stabilization windows of Kubernetes'
horizontal autoscaler, the least that was wanted in the one time counts, and the most in the other.
"""

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from lakeserve.core.endpoints import Scale
from lakeserve.settings import AutoscalingSettings


@dataclass(frozen=True, slots=True)
class Range:
    """Between which numbers of replicas there is a choice.

    Attributes:
        least: Replicas that there always are.
        most: As many are not exceeded.
        calls: What one of them is to answer at a time, some room being left.
    """

    least: int
    most: int
    calls: float

    def wanted(self, calls: float) -> int:
        """Replicas for so many calls at a time."""
        return min(max(math.ceil(calls / self.calls), self.least), self.most)


def range_of(scale: Scale, settings: AutoscalingSettings) -> Range | None:
    """The choice that an entity's scale leaves; None where the number of replicas is fixed."""
    share = scale.share()
    if share is None or not scale.follows_load:
        return None
    return Range(scale.replicas, scale.most, share * settings.target_utilization)


class Demand:
    """Remembers the calls of an entity and tells the number of replicas for them.

    Times are seconds of one clock and do not decrease.
    """

    def __init__(self, choice: Range, settings: AutoscalingSettings) -> None:
        self._choice = choice
        self._settings = settings
        self._calls: deque[tuple[float, float]] = deque()
        self._wanted: deque[tuple[float, int]] = deque()
        self._began: float | None = None

    def note(self, now: float, calls: float) -> float:
        """Add what was seen.

        Args:
            now: When.
            calls: In flight and waiting, on average since the last time.

        Returns:
            The average of the calls that counts now.
        """
        if self._began is None:
            self._began = now
        _forget(self._calls, now - self._settings.look_back_s)
        self._calls.append((now, calls))
        average = _average(self._calls)
        longest = max(self._settings.upscale_delay_s, self._settings.downscale_delay_s)
        _forget(self._wanted, now - longest)
        self._wanted.append((now, self._choice.wanted(average)))
        return average

    def replicas(self, now: float, present: int) -> int:
        """The replicas that there shall be, where so many are present."""
        fewest = self._in_last(self._settings.upscale_delay_s, now)
        if fewest and min(fewest) > present:
            return min(fewest)
        most = self._in_last(self._settings.downscale_delay_s, now)
        if most and max(most) < present:
            return max(most)
        return present

    def forget(self) -> None:
        """Begin anew, as after sleep."""
        self._calls.clear()
        self._wanted.clear()
        self._began = None

    def _in_last(self, seconds: float, now: float) -> list[int]:
        """What was wanted in the last seconds; nothing while they are not over yet."""
        if self._began is None or now - self._began < seconds:
            return []
        return [wanted for at, wanted in self._wanted if at >= now - seconds]


def _forget(seen: "deque[tuple[float, float]] | deque[tuple[float, int]]", before: float) -> None:
    while seen and seen[0][0] < before:
        seen.popleft()


def _average(seen: "deque[tuple[float, float]]") -> float:
    """The average over time; each value stands for the time since the one before."""
    duration = seen[-1][0] - seen[0][0]
    if duration <= 0:
        return seen[-1][1]
    return sum((at - before) * calls for (before, _), (at, calls) in pairwise(seen)) / duration
