"""What each gateway process says of itself, in a small file that another one reads for metrics."""

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import orjson

SUFFIX = ".status"
STALE_S = 10.0

Gauges = Mapping[str, Callable[[], float]]


class Status(NamedTuple):
    """What one process says of itself.

    Attributes:
        numbers: Its gauges.
        strays: How many of its requests concerned no endpoint, by the status of their answer.
    """

    numbers: Mapping[str, float]
    strays: Mapping[str, int]


class ProcessStatus:
    """Writes the numbers of this process.

    Args:
        directory: Where the processes of one machine write.
        gauges: Asked for each number whenever it is written.
        strays: See ``Status``; by status.
    """

    def __init__(
        self, directory: Path, gauges: Gauges, strays: Mapping[int, int] | None = None
    ) -> None:
        self._path = directory / f"{os.getpid()}{SUFFIX}"
        self._gauges = gauges
        self._strays: Mapping[int, int] = {} if strays is None else strays

    def write(self) -> None:
        """Write the numbers of now; a disk that takes none leaves old ones, which go stale."""
        numbers = {name: ask() for name, ask in self._gauges.items()}
        strays = {str(status): count for status, count in self._strays.items()}
        hidden = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            hidden.write_bytes(orjson.dumps(Status(numbers, strays)._asdict()))
            hidden.rename(self._path)

    def remove(self) -> None:
        """This process ends."""
        self._path.unlink(missing_ok=True)


def read_statuses(directory: Path) -> dict[str, Status]:
    """What every process says of itself, by its id; files of dead ones are removed."""
    found = {}
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        with contextlib.suppress(OSError, orjson.JSONDecodeError, TypeError):
            if time.time() - path.stat().st_mtime > STALE_S:
                path.unlink()
            else:
                found[path.stem] = Status(**orjson.loads(path.read_bytes()))
    return found
