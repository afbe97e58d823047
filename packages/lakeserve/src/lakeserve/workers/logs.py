"""Log files of workers: a fresh one per start, read from the end, kept short."""

import asyncio
import os
from pathlib import Path

MAX_LOG_BYTES = 16 * 1024 * 1024
KEPT_BYTES = 1024 * 1024
CHECK_S = 1.0


def open_log(path: Path) -> int:
    """A fresh log file; the previous one is kept as ``<name>.1``."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        path.replace(_previous(path))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)


async def keep_short(path: Path, limit: int = MAX_LOG_BYTES, check_s: float = CHECK_S) -> None:
    """Cut a log whenever it is too long, until cancelled: a program may print gigabytes."""
    while True:
        await asyncio.sleep(check_s)
        await asyncio.to_thread(cut, path, limit)


def cut(path: Path, limit: int) -> None:
    """Empty a log that is longer than ``limit`` bytes; its end is kept as ``<name>.1``.

    Whoever writes it has opened it to append, and goes on at its new end.
    """
    try:
        if path.stat().st_size <= limit:
            return
        _previous(path).write_bytes(tail(path, KEPT_BYTES))
        os.truncate(path, 0)
    except OSError:
        return  # the next look may have more luck


def tail(path: Path, length: int) -> bytes:
    """The last bytes of a file; nothing when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - length))
            return file.read(length)
    except OSError:
        return b""


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".1")
