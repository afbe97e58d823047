"""Windows in a file that the gateway processes of one machine have in their memory together.

The file is a table of slots, one per window: the key that it counts for, the newest tick in which
it was looked at, the sum then, and an amount for each tick of a window, as a ring. All are words of
64 bits. Who reads or writes holds a lock that the kernel lets go of with the process that has it.

A process may be killed between any two writes. So a slot changes its key only after it was emptied,
and a new tick counts only after the amounts that have left are gone and the sum was added up anew:
half a change is done again by the next one who looks. What may be lost is one change of an amount,
for a call that nobody answers any more; sum and amounts agree again with the next tick.
"""

import errno
import hashlib
import logging
import mmap
import os
import secrets
from array import array
from pathlib import Path

import psutil

from lakeserve.core.errors import ConfigurationError
from lakeserve.gateway.limits.mapped_lock import MappedLock, WindowsBusy
from lakeserve.gateway.limits.window import SECONDS, ticks_until_below

logger = logging.getLogger(__name__)

# The layout is part of the name: who knows another one uses another file.
NAME = "rate-limits-1"
SLOTS = 16_384
# A window lies in one of so many slots from its home on. The table has as many more, so none wraps.
NEAR = 64
LENGTH = SECONDS + 1
WORD = 8
HEAD_BYTES = 512
# Calls can announce any number of tokens; 8 million times as many in a second fit a word.
MOST = 1 << 40

_NOTHING = array("q", bytes(WORD * LENGTH))


class MappedWindows:
    """What a ``LocalLimiter`` counts in, for all processes that open the same file.

    Args:
        file: Descriptor of a file that :func:`open_windows` has prepared.
        seed: What keys are made with; the same in all processes.

    Attributes:
        lock: What is held while windows are read and written together.
        keys: By slot; 0 where there was none yet.
        newest: By slot, the newest tick in which it was looked at.
        totals: By slot, what was in its window in that tick.
        amounts: As many in a row for each slot as a window has ticks.
    """

    ticks_per_second = 1

    def __init__(self, file: int, seed: bytes) -> None:
        self._file = file
        self._seed = seed
        self._map = mmap.mmap(file, _size())
        count = SLOTS + NEAR
        words = memoryview(self._map)[HEAD_BYTES:].cast("q")
        self.keys = words[:count]
        self.newest = words[count : 2 * count]
        self.totals = words[2 * count : 3 * count]
        self.amounts = words[3 * count :]
        self.lock = MappedLock(file)
        self._windows: dict[str, MappedWindow] = {}
        self._is_crowded = False

    def window(self, key: str) -> "MappedWindow":
        """The window of this key."""
        window = self._windows.get(key)
        if window is None:
            digest = hashlib.blake2b(key.encode(), key=self._seed, digest_size=WORD).digest()
            number = int.from_bytes(digest, "little", signed=True) or 1  # 0 is nobody's
            window = self._windows[key] = MappedWindow(self, number)
        return window

    def sweep(self, tick: int) -> None:
        """Forget which windows this process has asked for; what is in them stays."""
        self._windows.clear()

    def close(self) -> None:
        """Let go of the file; windows must not be used any more."""
        for view in (self.keys, self.newest, self.totals, self.amounts):
            view.release()
        self._map.close()
        os.close(self._file)

    def find(self, key: int) -> int:
        """The slot of a key, or -1."""
        home = key % SLOTS
        near = self.keys[home : home + NEAR].tolist()
        return home + near.index(key) if key in near else -1

    def claim(self, key: int, tick: int) -> int:
        """A slot for a key that has none: the one that has not been looked at for the longest."""
        home = key % SLOTS
        near = self.newest[home : home + NEAR].tolist()
        oldest = min(near)
        if oldest and tick - oldest < LENGTH and not self._is_crowded:
            self._is_crowded = True
            logger.warning("more rate limits are in use than are kept: some begin anew too early")
        slot = home + near.index(oldest)
        self.newest[slot] = 0
        self.keys[slot] = key
        return slot

    def advance(self, slot: int, tick: int) -> None:
        """Let a slot's amounts and sum be those of this tick."""
        passed = tick - self.newest[slot]
        start, end = slot * LENGTH, slot * LENGTH + LENGTH
        amounts = self.amounts
        if 0 < passed < LENGTH:
            for moment in range(tick - passed + 1, tick + 1):
                amounts[start + moment % LENGTH] = 0
            self.totals[slot] = sum(amounts[start:end])
        else:
            amounts[start:end] = _NOTHING
            self.totals[slot] = 0
        self.newest[slot] = tick


class MappedWindow:
    """See ``Window``. A window without a slot is empty; it gets one when something is counted."""

    __slots__ = ("_key", "_slot", "_table")

    def __init__(self, table: MappedWindows, key: int) -> None:
        self._table = table
        self._key = key
        self._slot = key % SLOTS

    def total(self, tick: int) -> int:
        """See ``Window``."""
        table = self._table
        slot = self._found()
        if slot < 0:
            return 0
        if table.newest[slot] != tick:
            table.advance(slot, tick)
        return table.totals[slot]

    def add(self, tick: int, amount: int) -> None:
        """See ``Window``."""
        table = self._table
        slot = self._found()
        if slot < 0:
            slot = self._slot = table.claim(self._key, tick)
        if table.newest[slot] != tick:
            table.advance(slot, tick)
        if amount > MOST:
            amount = MOST
        table.totals[slot] += amount
        table.amounts[slot * LENGTH + tick % LENGTH] += amount

    def take_back(self, tick: int, amount: int) -> None:
        """See ``Window``."""
        table = self._table
        slot = self._found()
        if slot >= 0 and 0 <= table.newest[slot] - tick < LENGTH:
            place = slot * LENGTH + tick % LENGTH
            amount = min(amount, MOST, table.amounts[place])
            table.totals[slot] -= amount
            table.amounts[place] -= amount

    def ticks_until_below(self, tick: int, limit: int) -> int:
        """See ``Window``."""
        total = self.total(tick)
        start = self._slot * LENGTH
        amounts = self._table.amounts
        kept = (
            (moment, amounts[start + moment % LENGTH])
            for moment in range(tick - LENGTH + 1, tick + 1)
        )
        return ticks_until_below(kept, total, tick, limit, LENGTH)

    def _found(self) -> int:
        """The slot of this window, or -1."""
        table, slot = self._table, self._slot
        if table.keys[slot] != self._key:
            slot = table.find(self._key)
            if slot >= 0:
                self._slot = slot
        return slot


def open_windows(directory: Path) -> MappedWindows:
    """The windows that the processes of this machine share by this directory.

    Raises:
        ConfigurationError: They cannot be had there.
    """
    path = directory / NAME
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error.strerror) from None
    try:
        with MappedLock(file):
            seed = _prepared(file)
        return MappedWindows(file, seed)
    except WindowsBusy:
        os.close(file)
        raise _unusable(path, "another process holds it") from None
    except OSError as error:
        os.close(file)
        raise _unusable(path, error.strerror) from None


def _prepared(file: int) -> bytes:
    """Let the file be one of this layout and of this start of the machine; its seed."""
    mark = b"LKRL" + hashlib.blake2b(_boot(), digest_size=12).digest()
    head = os.pread(file, 32, 0)
    if head[:16] == mark and os.fstat(file).st_size == _size():
        return head[16:32]
    # Nobody has it in memory: it is new, or from before the machine was started. All of it is
    # written: on a full disk, memory that stands for a hole kills the process that changes it.
    if os.pwrite(file, bytes(_size()), 0) != _size():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(file, _size())
    seed = secrets.token_bytes(16)
    os.pwrite(file, mark + seed, 0)
    return seed


def _boot() -> bytes:
    """Tells one start of this machine from the next: the monotonic clock begins anew with it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return str(psutil.boot_time()).encode()


def _size() -> int:
    return HEAD_BYTES + (SLOTS + NEAR) * (3 + LENGTH) * WORD


def _unusable(path: Path, reason: str | None) -> ConfigurationError:
    return ConfigurationError(f"the rate limits' file {path} cannot be used: {reason}")
