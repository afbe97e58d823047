"""The commands that build an environment, each with what it may reach.

Installing wheels runs no code of theirs, so that step shares uv's cache with everything else.
Building a package from its sources does; that step gets a cache of its own, so that nothing that it
leaves there ends up in the environment of another model.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lakeserve.workers.confinement import Confinement, Isolation, python_files, temporary_files


@dataclass(frozen=True, slots=True)
class Step:
    """One command.

    Attributes:
        words: The command itself, for people.
        command: What is started, which may be something that confines it.
        environment: Its variables.
    """

    words: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]


class BuildSteps:
    """Turns commands into steps.

    Args:
        environment: The variables that uv and the builds it starts get.
        reads: What they may read beside uv's own settings: packages, the model's files.
        target: The environment that is made.
        isolation: Whether they are confined at all.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        reads: Sequence[Path],
        target: Path,
        isolation: Isolation,
    ) -> None:
        self._environment = environment
        self._target = target
        self._scratch = target.with_name(f"{target.name}.build")
        home = Path(environment.get("HOME") or "/")
        self._cache = _uv_cache(environment, home)
        self._configured = _uv_configuration(environment, home)
        self._confinement = Confinement(
            (*reads, *_uv_settings(environment, home)), (target, self._scratch), isolation
        )

    @property
    def applies(self) -> bool:
        """Whether this machine confines them."""
        return self._confinement.applies

    @contextlib.contextmanager
    def scratch(self) -> Iterator[None]:
        """Where builds may write, for as long as they run."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        temporary_files(self._scratch).mkdir(mode=0o700, parents=True)
        try:
            yield
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def plain(self, words: Sequence[str]) -> Step:
        """A command that runs no code of packages."""
        return Step(tuple(words), tuple(words), self._environment)

    def from_wheels(self, install: Sequence[str]) -> Step:
        """An installation that builds nothing."""
        self._cache.mkdir(parents=True, exist_ok=True)
        return self._confined((*install, "--only-binary", ":all:"), self._cache)

    def from_sources(self, install: Sequence[str]) -> Step:
        """An installation that may build, and so run code of the packages."""
        return self._confined((*install, "--cache-dir", str(self._scratch / "cache")))

    def compiled(self, interpreter: Path) -> Step:
        """Compiling what was installed: workers may not write there, and would do it each time."""
        words = (str(interpreter), "-I", "-S", "-m", "compileall", "-qq", "-j", "0")
        return self._confined((*words, str(self._target / "lib")))

    def _confined(self, words: tuple[str, ...], *writes: Path) -> Step:
        interpreter = self._target / "bin" / "python"
        temporary = str(temporary_files(self._scratch))
        variables = {**self._environment, **self._configured, "TMPDIR": temporary}
        reads = (Path(words[0]), *python_files(interpreter), *self._confinement.reads)
        command = replace(self._confinement, reads=reads).command(words, variables, writes)
        return Step(words, tuple(command), variables)


def _uv_cache(environment: Mapping[str, str], home: Path) -> Path:
    """https://docs.astral.sh/uv/concepts/cache/ says where it is."""
    named = environment.get("UV_CACHE_DIR")
    shared = environment.get("XDG_CACHE_HOME")
    return Path(named) if named else (Path(shared) if shared else home / ".cache") / "uv"


def _uv_configuration(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Have uv read its user's or the machine's configuration, and look for no project's.

    It would look in the directories above the model's, which it may not read.
    """
    if "UV_CONFIG_FILE" in environment or "UV_NO_CONFIG" in environment:
        return {}
    for folder in _uv_folders(environment, home):
        if (folder / "uv.toml").is_file():
            return {"UV_CONFIG_FILE": str(folder / "uv.toml")}
    return {"UV_NO_CONFIG": "1"}


def _uv_folders(environment: Mapping[str, str], home: Path) -> tuple[Path, Path]:
    config = environment.get("XDG_CONFIG_HOME")
    return (Path(config) if config else home / ".config") / "uv", Path("/etc/uv")


def _uv_settings(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    """What uv reads: its configuration, credentials of indexes, and files that variables name."""
    yield from _uv_folders(environment, home)
    yield home / ".netrc"
    for name, value in environment.items():
        if name.startswith("UV_") or name == "NETRC":
            yield from _paths(value)


def _paths(value: str) -> Iterator[Path]:
    """Absolute paths and file addresses among words, also after a name (``local=file:///...``)."""
    for word in value.replace(",", " ").split():
        place = word.partition("=")[2] if "=" in word else word
        parts = urlsplit(place)
        if parts.scheme == "file":
            yield Path(url2pathname(parts.path))
        elif os.path.isabs(place):
            yield Path(place)
