"""SIGKILL at random moments of an update."""

import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import killed_platform
import psutil
import pytest
from databases import Database
from small_platform import small_platform

ROUNDS = {"sqlite": 200, "postgresql": 40}
UNDISTURBED = 5


class Rounds:
    """Has platforms started one after the other, each on what the one before has left."""

    def __init__(self, data_dir: Path, database: Database) -> None:
        program = Path(killed_platform.__file__)
        self._nursery = subprocess.Popen(
            [sys.executable, str(program), str(data_dir), str(database.place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._chance = random.Random(20)
        self._took: list[float] = []

    def play(self, number: int) -> dict[str, Any]:
        """Find how it stands, have it updated, and kill it on the way, the first ones after it."""
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(f"{number}\n")
        standing = self._hear(number)
        began = time.monotonic()
        if len(self._took) < UNDISTURBED:
            assert self._hear(number)["updated"]
            self._took.append(time.monotonic() - began)
        else:
            time.sleep(self._chance.uniform(0, 1.3 * statistics.median(self._took)))
        os.kill(standing["pid"], signal.SIGKILL)
        while psutil.pid_exists(standing["pid"]):
            time.sleep(0.001)
        return standing

    def end(self) -> None:
        self._nursery.kill()
        self._nursery.wait()
        for stream in (self._nursery.stdin, self._nursery.stdout):
            if stream is not None:
                stream.close()

    def _hear(self, number: int) -> dict[str, Any]:
        """The next line of this platform; one of an earlier one was on its way when it died."""
        assert self._nursery.stdout is not None
        for line in self._nursery.stdout:
            said: dict[str, Any] = json.loads(line)
            if said["number"] == number:
                return said
        raise AssertionError("it does not start")


@pytest.fixture
def rounds(tmp_path: Path, database: Database) -> Iterator[Rounds]:
    async def prepare() -> None:
        async with small_platform(tmp_path, database.place) as platform:
            await platform.create()

    asyncio.run(prepare())
    made = Rounds(tmp_path, database)
    yield made
    made.end()


@pytest.mark.timeout(900)  # seconds on a quiet machine, and there are busy ones
def test_a_killed_update_has_come_about_or_has_not(rounds: Rounds, database: Database) -> None:
    count = ROUNDS[database.kind] + UNDISTURBED
    found: Counter[str] = Counter()
    legal = {(0, 1)}
    for number in range(1, count + 2):
        standing = rounds.play(number)
        now = (standing["serves"], standing["version"])
        assert now in legal
        assert not standing["updating"]
        if number > UNDISTURBED + 1:
            found["new" if standing["serves"] == number - 1 else "old"] += 1
        # What the next one may find: this config, or the one that this platform had deployed.
        legal = {now, (number, now[1] + 1)}
    assert sum(found.values()) == ROUNDS[database.kind]
    assert min(found["old"], found["new"]) > count // 20, found
