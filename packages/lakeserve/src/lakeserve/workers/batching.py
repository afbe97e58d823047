"""When requests of one model are predicted together. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeserve.core.errors import InvalidParameter
from lakeserve.core.secrets import is_reference

SIZE = "LAKESERVE_MAX_BATCH_SIZE"
WAIT = "LAKESERVE_MAX_BATCH_WAIT_MS"

MOST_ROWS = 100_000
# All requests that may be in batches are admitted, beside those that the queue has room for.
MOST_REQUESTS = 256
MOST_WAIT_MS = 10_000
DEFAULT_WAIT_MS = 10


@dataclass(frozen=True, slots=True)
class Batching:
    """Limits of a batch.

    Attributes:
        max_rows: Rows of a batch, at most; a request of more is predicted alone.
        max_wait_ms: How long a request waits for others, at most.
    """

    max_rows: int
    max_wait_ms: int = DEFAULT_WAIT_MS

    @property
    def max_requests(self) -> int:
        """Requests of a batch, at most; each has a row at least."""
        return min(self.max_rows, MOST_REQUESTS)


def batching_of(variables: Mapping[str, str], where: str = "environment_vars") -> Batching | None:
    """What variables of a model say about batches; None when they say nothing.

    References to secrets, whose values are not known yet, count as right.

    Args:
        variables: By name.
        where: The dotted place of the variables, for messages.

    Raises:
        InvalidParameter: A value is not accepted; the message names the variable.
    """
    size = _number(variables, SIZE, 2, MOST_ROWS, where)
    wait = _number(variables, WAIT, 0, MOST_WAIT_MS, where)
    if WAIT in variables and SIZE not in variables:
        raise InvalidParameter(f"Field '{where}.{WAIT}' needs {SIZE} beside it.")
    if size is None:
        return None
    return Batching(size, DEFAULT_WAIT_MS if wait is None else wait)


def _number(
    variables: Mapping[str, str], name: str, least: int, most: int, where: str
) -> int | None:
    value = variables.get(name)
    if value is None or is_reference(value):
        return None
    if not (value.isascii() and value.isdigit() and least <= int(value[:9]) <= most):
        raise InvalidParameter(
            f"Field '{where}.{name}' must be a whole number from {least} to {most}."
        )
    return int(value)
