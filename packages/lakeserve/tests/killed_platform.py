"""A program that starts small platforms which are to be killed: each says how it stands, updates.

Each line of its input is the number of a config; each line of its output is a JSON object of one
platform. They are forked, so that starting one costs little.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from pathlib import Path

from small_platform import small_platform


async def _update(data_dir: Path, place: Path | str, number: int) -> None:
    async with small_platform(data_dir, place) as platform:
        stored = await platform.stored()
        # What was stored is what serves, from the first moment on.
        assert stored.entities[0].model_name == f"model-{platform.serves}"
        _tell(
            number,
            pid=os.getpid(),
            serves=platform.serves,
            version=stored.config_version,
            updating=stored.update is not None,
        )
        await platform.update(number)
        while platform.serves != number:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.001)
        _tell(number, updated=True)
        await asyncio.sleep(60)


def _tell(number: int, **facts: object) -> None:
    os.write(1, json.dumps({"number": number, **facts}).encode() + b"\n")


def main(data_dir: Path, place: Path | str) -> None:
    """Start one platform after the other, until the input ends."""
    gc.freeze()  # so that what is loaded is shared, not copied
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        if os.fork() == 0:
            try:
                asyncio.run(_update(data_dir, place, int(line)))
            finally:
                os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2].startswith("/") else sys.argv[2])
