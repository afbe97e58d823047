"""Installs the distribution in ``acme``, as a person would, into a folder."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree

SOURCE = Path(__file__).parent / "acme"


def installed(folder: Path) -> Path:
    """A folder to be put on the path, with the distribution and its metadata in it."""
    source, target = folder / "source", folder / "site"
    copytree(SOURCE, source)  # building leaves files behind
    uv = Path(sys.executable).parent / "uv"
    subprocess.run(
        [
            *(uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--no-build-isolation"),
            *("--python", sys.executable, "--target", target, source),
        ],
        env={**os.environ, "UV_CACHE_DIR": str(folder / "cache")},
        check=True,
        capture_output=True,
    )
    return target
