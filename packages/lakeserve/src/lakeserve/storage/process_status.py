"""What each gateway process says of itself, in a small file that another one reads for metrics."""

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

SUFFIX = ".status"
STALE_S = 10.0

Gauges = Mapping[str, Callable[[], float]]


class ProcessStatus:
    """Writes the numbers of this process.

    Args:
        directory: Where the processes of one machine write.
        gauges: Asked for each number whenever it is written.
    """

    def __init__(self, directory: Path, gauges: Gauges) -> None:
        self._path = directory / f"{os.getpid()}{SUFFIX}"
        self._gauges = gauges

    def write(self) -> None:
        """Write the numbers of now; a disk that takes none leaves old ones, which go stale."""
        numbers = {name: ask() for name, ask in self._gauges.items()}
        hidden = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            hidden.write_bytes(orjson.dumps(numbers))
            hidden.rename(self._path)

    def remove(self) -> None:
        """This process ends."""
        self._path.unlink(missing_ok=True)


def read_statuses(directory: Path) -> dict[str, dict[str, float]]:
    """The numbers of every process, by its id; those of dead ones are removed."""
    found = {}
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        with contextlib.suppress(OSError, orjson.JSONDecodeError):
            if time.time() - path.stat().st_mtime > STALE_S:
                path.unlink()
            else:
                found[path.stem] = orjson.loads(path.read_bytes())
    return found
