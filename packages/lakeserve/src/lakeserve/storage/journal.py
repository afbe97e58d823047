"""Journals: files of frames that a gateway process appends to and that a loop moves into tables.

A process has at most one journal open, and holds a lock on it that the system lets go of with the
process. A journal that nobody has locked is complete, however its writer ended.
"""

import contextlib
import fcntl
import logging
import os
import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lakeserve.core.errors import ConfigurationError
from lakeserve.core.ids import now_ms
from lakeserve.core.usage import CallRecord
from lakeserve.storage.frames import encode

logger = logging.getLogger(__name__)

SUFFIX = ".journal"
ROTATE_BYTES = 1024 * 1024
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
MODE = 0o600


class JournalWriter:
    """Appends calls to the journal of this process.

    While the disk takes nothing, calls wait in memory, so that a moment's trouble costs none;
    ``is_full`` says when no more can wait.

    Attributes:
        name: File name of the open journal, or empty when none is open.
        failures: Calls that could not be written at once.
        lost: Calls that could not be kept at all.
        waiting: How many calls wait in memory.
        is_full: Whether a call could be lost: as many wait as may.
    """

    def __init__(
        self, directory: Path, *, rotate_bytes: int = ROTATE_BYTES, max_waiting: int = MAX_WAITING
    ) -> None:
        self._directory = directory
        self._max_waiting = max_waiting
        self._rotate_bytes = rotate_bytes
        self._file: int | None = None
        self._size = 0
        self._count = 0
        # Machines that share a database share the names of moved journals.
        self._writer = secrets.token_hex(4)
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self.name = ""
        self.is_full = False
        self.failures = 0
        self.lost = 0

    @property
    def waiting(self) -> int:
        """See the class."""
        return len(self._waiting)

    def append(self, call: CallRecord, cost: float) -> None:
        """Write a call down so that it outlives this process. Never raises."""
        frame = encode(call, cost)
        if self._waiting:
            self._keep(frame)
            return
        try:
            self._write(frame)
        except OSError as error:
            self._keep(frame)
            logger.error(
                "call %s cannot be written to the usage journal in %s: %s; it waits in memory. Make"
                " room on the disk; once %d calls wait, calls are refused",
                *(call.request_id, self._directory, error.strerror, self._max_waiting),
            )

    def seal(self) -> str:
        """Complete the open journal, so that its calls reach the tables; retry what waits.

        Returns:
            Name of the journal that the last call that waited is in, or an empty text.
        """
        name = ""
        try:
            while self._waiting:
                self._write(self._waiting[0])
                self._waiting_bytes -= len(self._waiting.popleft())
                name = self.name
        except OSError as error:
            logger.error(
                "%d calls wait in memory for the usage journal in %s: %s",
                *(len(self._waiting), self._directory, error.strerror),
            )
            name = ""
        self._note_room()
        self._close()
        return name

    def _write(self, frame: bytes) -> None:
        file = self._file
        if file is None or self._size >= self._rotate_bytes:
            self._close()
            file = self._open()
        written = os.write(file, frame)
        if written != len(frame):
            # The disk is full. What was cut off must not stand in front of the next call.
            os.ftruncate(file, self._size)
            raise OSError(28, os.strerror(28))  # ENOSPC
        self._size += written

    def _open(self) -> int:
        self._count += 1
        name = f"{now_ms()}-{os.getpid()}-{self._writer}-{self._count:08}{SUFFIX}"
        hidden = self._directory / f"{name}.new"
        file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
        try:
            # Nobody sees the file under its name before it is locked.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(self._directory / name)
        except OSError:
            os.close(file)
            raise
        self._file, self._size, self.name = file, 0, name
        return file

    def _close(self) -> None:
        file, self._file, self.name = self._file, None, ""
        if file is not None:
            with contextlib.suppress(OSError):
                os.close(file)

    def _keep(self, frame: bytes) -> None:
        self.failures += 1
        if self.is_full:
            self.lost += 1
            logger.error("a call is lost: the usage journal takes nothing and memory is full")
            return
        self._waiting.append(frame)
        self._waiting_bytes += len(frame)
        self._note_room()

    def _note_room(self) -> None:
        self.is_full = (
            len(self._waiting) >= self._max_waiting or self._waiting_bytes >= MAX_WAITING_BYTES
        )


@dataclass(frozen=True, slots=True)
class Backlog:
    """Journals that are not in the tables yet, open ones included.

    Attributes:
        oldest_at: When the oldest was begun in epoch milliseconds, or None without any.
    """

    journals: int
    size: int
    oldest_at: int | None


class JournalFolder:
    """The journals of one machine, as the loop sees them that moves them into tables."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            ConfigurationError: It cannot be made or written.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the usage journal's directory {self._directory} cannot be used: {error.strerror}"
            ) from None

    def complete(self) -> Iterator[Path]:
        """The journals that no process writes any more, oldest first."""
        return (path for path in self._journals() if not _is_locked(path))

    def backlog(self) -> Backlog:
        """What waits."""
        sizes = []
        for path in self._journals():
            with contextlib.suppress(FileNotFoundError):
                sizes.append((_begun_at(path), path.stat().st_size))
        return Backlog(len(sizes), sum(size for _, size in sizes), min(sizes)[0] if sizes else None)

    def _journals(self) -> list[Path]:
        return sorted(self._directory.glob(f"*{SUFFIX}"))


def _begun_at(path: Path) -> int:
    begun = path.name.partition("-")[0]
    return int(begun) if begun.isdecimal() else 0


def _is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
