"""A process that calls as fast as it may, for tests of limits that processes share.

Its arguments: the directory of the windows, the limit in calls, and what to do: ``hammer`` says
when it is ready, waits for a line, and writes a byte for each call that passed until it is refused;
``hold`` takes the lock, says so, and keeps it.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from gateway.limits.rules import limited, passes
from lakeserve.core.ai_gateway import RateLimit
from lakeserve.gateway.limits.machine import open_limiter
from lakeserve.gateway.limits.mapped import open_windows


async def _hammer(directory: Path, limit: int) -> None:
    limiter = open_limiter(directory)
    where = limited(RateLimit("endpoint", calls=limit))
    os.write(1, b"ready\n")
    sys.stdin.readline()  # so that all begin together
    while await passes(limiter, where):
        os.write(1, b"+")


def _hold(directory: Path) -> None:
    with open_windows(directory).lock:
        os.write(1, b"holds\n")
        time.sleep(600)


if __name__ == "__main__":
    if sys.argv[3] == "hold":
        _hold(Path(sys.argv[1]))
    else:
        asyncio.run(_hammer(Path(sys.argv[1]), int(sys.argv[2])))
