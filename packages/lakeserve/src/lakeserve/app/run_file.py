"""Who holds a data directory: its lock, and the file that says where its platform serves."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from lakeserve.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Running:
    """A platform that owns a data directory, as its run file tells.

    Attributes:
        pid: Process id of the platform.
        url: Where it serves, without a trailing slash.
    """

    pid: int
    url: str


def find_running(data_dir: Path) -> Running | None:
    """The platform that holds a data directory at this moment, or None."""
    try:
        facts = json.loads(_run_path(data_dir).read_bytes())
        running = Running(pid=int(facts["pid"]), url=str(facts["url"]))
        # A killed platform leaves its file behind, and its process id may serve another program.
        is_same = psutil.Process(running.pid).create_time() == facts["started"]
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        return None
    return running if is_same else None


@contextlib.contextmanager
def own_data_directory(path: Path) -> Iterator[None]:
    """Own the data directory; the lock goes with the process, however it ends.

    Raises:
        ConfigurationError: Another process owns it, or it cannot be used.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(path / "lakeserve.lock", timeout=0)
        lock.acquire()
    except Timeout:
        running = find_running(path)
        who = f" (process {running.pid}, at {running.url})" if running else ""
        raise ConfigurationError(
            f"another lakeserve{who} uses the data directory {path}.\n"
            "Stop it, or choose another one: lakeserve up --data-dir DIRECTORY --port PORT"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"data_dir {str(path)!r} cannot be used: {error.strerror}. "
            "Choose a directory that you can write: lakeserve up --data-dir DIRECTORY"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _run_path(data_dir: Path) -> Path:
    return data_dir / "lakeserve.run.json"


@contextlib.contextmanager
def run_file(data_dir: Path, url: str) -> Iterator[None]:
    """Say that this process serves the data directory, as long as it does."""
    path = _run_path(data_dir)
    process = psutil.Process()
    facts = {"pid": process.pid, "started": process.create_time(), "url": url}
    path.write_text(json.dumps(facts))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
