"""What a worker is, and what starts one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from lakeserve.core.endpoints import Address
from lakeserve.workers.confinement import Confinement

# A worker that cannot serve writes one line with this prefix to standard error, and ends.
REASON_PREFIX = "lakeserve worker: "

ModelKind = Literal["chat", "embedding"]
# A unix socket, a port, or either as whoever starts it likes.
Listens = Literal["socket", "port", "either"]


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a worker says of itself when it is asked how it is.

    Attributes:
        active: Calls that it is answering or has waiting.
        idle_s: Seconds since its last call ended; 0 while there are calls.
        busy_s: Seconds that all of its calls have taken so far, so that the calls between two
            probes can be told exactly; None from a program that does not count them.
    """

    active: int = 0
    idle_s: float = 0.0
    busy_s: float | None = None


class Prober(Protocol):
    """Asks a worker how it is."""

    async def __call__(self, address: Address, timeout_s: float) -> Pulse | None:
        """What it says, or None when it is not ready or does not answer in time."""
        ...


class Program(Protocol):
    """What runs inside a worker. It speaks HTTP and ends with SIGTERM."""

    def command(self, address: Address) -> Sequence[str]:
        """What starts it, so that it listens at ``address``."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Variables that it needs beside those of this process."""
        ...

    @property
    def listens(self) -> Listens:
        """Where it can listen."""
        ...

    @property
    def bearer_variable(self) -> str | None:
        """Where it looks for the bearer token that its callers are to show.

        The name of an environment variable, or None for a program that lets everybody call.
        """
        ...

    def prober(self) -> "Prober":
        """What asks one worker how it is."""
        ...


@dataclass(frozen=True, slots=True)
class Resources:
    """What a worker takes of a cluster."""

    cpus: float = 1.0
    gpus: float = 0.0

    def __str__(self) -> str:
        return f"{self.cpus:g} CPUs and {self.gpus:g} GPUs"


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One worker to start.

    Attributes:
        entity_id: The served entity that it answers for; names its socket.
        model_name: What it serves, for people.
        program: What runs inside.
        start_timeout_s: Seconds until a worker that is not ready counts as failed.
        socket_dir: Where its sockets go; made if it does not exist. When the path is too long for
            a socket, a private directory among the temporary files is used instead.
        log_path: Its log file; the file of the previous start is kept as ``<name>.1``.
        work_dir: Where a program of somebody else's runs, made if it does not exist; such a program
            inherits nothing that is the platform's own. None for the platform's programs.
        confinement: What of the machine it may reach beside ``work_dir``, its socket and its log;
            None for all that its user may.
        resources: What it takes where workers share a cluster.
        replica: Its number among the workers of its entity.
        bearer: The token that callers are to show, for a program that can demand one; None
            where nobody else reaches it.
    """

    entity_id: str
    model_name: str
    program: Program
    start_timeout_s: float
    socket_dir: Path
    log_path: Path
    work_dir: Path | None = None
    confinement: Confinement | None = None
    resources: Resources = Resources()
    replica: int = 0
    bearer: str | None = field(default=None, repr=False)


class Worker(Protocol):
    """A started worker."""

    @property
    def address(self) -> Address:
        """Where it listens."""
        ...

    @property
    def pid(self) -> int | None:
        """Its process, or None when it has none."""
        ...

    async def ready(self) -> None:
        """Wait until it answers.

        Raises:
            EngineError: It ended or took longer than its start timeout; the text says why.
        """
        ...

    async def pulse(self, timeout_s: float) -> Pulse | None:
        """How it is, or None when it does not say so within ``timeout_s`` seconds."""
        ...

    async def exited(self) -> str:
        """Wait until it has ended; a sentence that says how, for people."""
        ...

    async def stop(self, grace_s: float) -> None:
        """End it: it finishes what runs for up to ``grace_s`` seconds, then it is killed.

        May be called again, also after it ended.
        """
        ...


class Runner(Protocol):
    """Starts workers."""

    async def start(self, spec: WorkerSpec) -> Worker:
        """Start a worker; it is not ready yet.

        Raises:
            EngineError: It cannot be started at all.
        """
        ...
