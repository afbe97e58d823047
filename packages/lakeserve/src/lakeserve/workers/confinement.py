"""What a program that is not trusted may still reach of this machine.

It is imported in environments that hold nothing else of the platform.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lakeserve.core.errors import EngineError
from lakeserve.workers.landlock import WHOLE_ABI, abi

Isolation = Literal["auto", "required", "off"]

_LAUNCH = Path(__file__).with_name("landlock.py")
_PACKAGE = Path(__file__).parents[1]

# Programs and libraries, what they read to find hosts, users, time and certificates, and what the
# kernel says. Of /etc no more than that: keys and the platform's own settings may lie there.
SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"),
    *("/opt/rocm", "/opt/intel", "/opt/nvidia"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/static/ssl"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group"),
    *("/etc/localtime", "/etc/timezone", "/etc/locale.alias", "/etc/mime.types", "/etc/fonts"),
    *("/etc/os-release", "/etc/lsb-release", "/etc/debian_version", "/etc/alternatives"),
    *("/etc/OpenCL", "/etc/vulkan", "/etc/nvidia", "/etc/gitconfig"),
    *("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/opengl-driver"),
    *("/proc", "/sys"),
)
DEVICES = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"),
    *("/dev/kfd", "/dev/dri", "/dev/nvidia-caps"),
)
# Semaphores and shared memory, without which nothing runs in several processes.
_SHARED_MEMORY = "/dev/shm"  # noqa: S108
# A process may say of itself that it is to end first when memory runs out.
_OWN_OOM_SCORE = "/proc/self/oom_score_adj"

_CERTIFICATE_VARIABLES = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("NODE_EXTRA_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a program may reach beside the system's own files and the platform's sources.

    Attributes:
        reads: Files, or directories with all beneath them, that it may read and run.
        writes: Those that it may also change.
        isolation: ``required`` where the program must not run otherwise; ``auto`` where it may,
            on a kernel that cannot; ``off`` where it runs with all rights of its user.
    """

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    isolation: Isolation = "auto"

    @property
    def applies(self) -> bool:
        """Whether this machine holds a program to it.

        Raises:
            EngineError: It cannot, and must.
        """
        return held(self.isolation, abi())

    def command(
        self, command: Sequence[str], environment: Mapping[str, str], writes: Iterable[Path] = ()
    ) -> list[str]:
        """What starts a command confined.

        Args:
            command: The program, by its path or its name on the PATH, and its arguments.
            environment: What it will be started with; certificates may be named there.
            writes: What else it may change.
        """
        return [
            *(sys.executable, "-I", "-S", str(_LAUNCH)),
            *(f"r:{path}" for path in SYSTEM),
            *(f"r:{path}" for path in _certificates(environment)),
            *(f"r:{path}" for path in (*_platform_files(), *self.reads)),
            *(f"d:{path}" for path in (*DEVICES, *_gpus())),
            *(f"w:{path}" for path in (_SHARED_MEMORY, _OWN_OOM_SCORE, *self.writes, *writes)),
            *("--", *command),
        ]


def held(isolation: Isolation, version: int) -> bool:
    """Whether a program is held to its confinement where Landlock has that version, 0 for none.

    Raises:
        EngineError: It must be, and cannot.
    """
    if isolation == "required" and (lacking := shortcoming(version)) is not None:
        raise EngineError(f"model_isolation is 'required', and {lacking}")
    return isolation != "off" and version > 0


def shortcoming(version: int) -> str | None:
    """What this version of Landlock does not do, as part of a sentence; None when it does all."""
    if version >= WHOLE_ABI:
        return None
    if version == 0:
        return "this machine has no Landlock (Linux 6.12 or newer, where it is not switched off)"
    return (
        f"its Landlock is of version {version}: signals to other processes are not held back"
        " (Linux 6.12 does so)"
    )


def scratch_environment(environment: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Variables that lead a program to a directory that it may write, instead of elsewhere."""
    kept = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
    return {**kept, "HOME": str(scratch), "TMPDIR": str(temporary_files(scratch))}


def temporary_files(scratch: Path) -> Path:
    """Where in a program's own directory its temporary files go."""
    return scratch / "tmp"


def python_files(interpreter: Path) -> tuple[Path, ...]:
    """The directories of an interpreter's own files: its environment's and its installation's."""
    environment, real = interpreter.parent.parent, interpreter.resolve()
    installation = real.parent.parent
    if (environment / "pyvenv.cfg").is_file():
        return (environment, installation)
    return (installation,)


def exposing(directory: Path, paths: Iterable[Path]) -> Path | None:
    """The first path that a directory lies beneath, of those given and those everybody may read."""
    real = directory.resolve()
    everything = (*(Path(path) for path in SYSTEM), *_platform_files(), *paths)
    return next((path for path in everything if real.is_relative_to(path.resolve())), None)


def _platform_files() -> tuple[Path, ...]:
    """This package, the directory above it, which imports search, and the Python that runs it."""
    return (_PACKAGE.parent, *python_files(Path(sys.executable)))


def _certificates(environment: Mapping[str, str]) -> Iterator[str]:
    for name in _CERTIFICATE_VARIABLES:
        if value := environment.get(name):
            yield os.path.abspath(value)


def _gpus() -> Iterator[Path]:
    return Path("/dev").glob("nvidia*")
