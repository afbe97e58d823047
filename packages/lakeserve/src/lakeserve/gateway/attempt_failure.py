"""What becomes of a call after an attempt has failed. Pure."""

import random

from lakeserve.core.ai_gateway import Routing
from lakeserve.core.errors import Unavailable, WireError

FIRST_PAUSE_S = 0.05
LONGEST_RETRY_AFTER_S = 2


class AttemptFailed(Exception):
    """One entity did not begin to answer.

    Attributes:
        error: What the caller is told if nobody else answers.
        status: The upstream's; 0 when it gave none that counts.
        is_final: Whether asking the same entity again is of no use.
    """

    def __init__(self, error: WireError, status: int = 0, *, is_final: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status
        self.is_final = is_final


def unusable(text: str) -> AttemptFailed:
    """The failure of an entity whose configuration cannot be used."""
    return AttemptFailed(Unavailable(text), is_final=True)


def may_pass(routing: Routing, failure: AttemptFailed) -> bool:
    """Whether a failure is of the kind that another attempt may mend.

    A failure without a status counts with that of its error, such as 504 for a timeout.
    """
    status = failure.status or failure.error.status
    if routing.fallback_statuses:
        return status in routing.fallback_statuses
    return status == 429 or status >= 500


def pause_s(number: int, retry_after: int | None) -> float | None:
    """Time to wait before attempt ``number`` (from 0) is repeated; None for not at all."""
    if retry_after is not None and retry_after > LONGEST_RETRY_AFTER_S:
        return None
    pause = FIRST_PAUSE_S * float(2 ** min(number, 5)) * random.uniform(0.5, 1.5)
    return max(pause, retry_after or 0.0)
