"""Where the processes of one platform meet: unix sockets that only their user can reach."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, one of them the closing zero.
LONGEST_PATH = 103


@dataclass(frozen=True, slots=True)
class Sockets:
    """Paths of sockets.

    Attributes:
        http: Where the platform answers what gateways pass on.
        link: Where gateways hear of changes and have workers started.
    """

    http: Path
    link: Path

    @classmethod
    def within(cls, directory: Path) -> "Sockets":
        """Those in a directory."""
        return cls(directory / "platform.sock", directory / "link.sock")

    @classmethod
    @contextlib.contextmanager
    def of(cls, data_dir: Path) -> Iterator["Sockets"]:
        """Those of a platform: in its data directory, or elsewhere if that has too long a name."""
        directory = data_dir / "sockets"
        sockets = cls.within(directory)
        if len(os.fsencode(sockets.http)) <= LONGEST_PATH:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
            yield sockets
            return
        temporary = Path(tempfile.mkdtemp(prefix="lakeserve-"))
        try:
            yield cls.within(temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
