"""Where workers put their unix sockets."""

import shutil
import tempfile
from pathlib import Path

# The kernel takes 107 bytes for a socket's whole path; the file name needs the rest.
LONGEST_DIRECTORY = 50


class SocketDirectory:
    """A directory that only this user can enter, with a path short enough for sockets.

    It belongs to one platform and is empty at its start: what a killed one left is removed.
    """

    def __init__(self, data_dir: Path) -> None:
        wanted = data_dir / "sockets"
        if len(str(wanted).encode()) <= LONGEST_DIRECTORY:
            shutil.rmtree(wanted, ignore_errors=True)
            wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = wanted
        else:
            self.path = Path(tempfile.mkdtemp(prefix="lakeserve-"))

    def close(self) -> None:
        """Remove the directory and what is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
