"""What runs in a Ray actor: one worker's program as a process, on the node where the actor is."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lakeserve.core.errors import LakeserveError
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import Worker, WorkerSpec


class Outcome(NamedTuple):
    """How a start went; exceptions lose their class on the way through Ray.

    Attributes:
        failure: Why the program does not run, or None.
    """

    host: str
    port: int
    failure: str | None = None


class ProgramHost:
    """Runs one program at a time. When this process ends, however it does, the program ends too.

    Args:
        host: The node's address, at which gateways reach the program.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._runner = ProcessRunner(host)
        self._folder = Path(tempfile.mkdtemp(prefix="lakeserve-"))
        self._worker: Worker | None = None

    async def run(self, spec: WorkerSpec) -> Outcome:
        """Start a program in place of the one before, and wait until it answers."""
        await self.stop(0.0)
        here = replace(
            spec,
            socket_dir=self._folder / "sockets",
            log_path=self._folder / "worker.log",
            work_dir=None if spec.work_dir is None else self._folder / "work",
        )
        try:
            worker = self._worker = await self._runner.start(here)
            await worker.ready()
        except LakeserveError as error:
            await self.stop(0.0)
            return Outcome(self._host, 0, str(error))
        return Outcome(self._host, worker.address.port)

    async def ended(self) -> str:
        """Wait until the program has ended; a sentence that says how."""
        return "no program was started" if self._worker is None else await self._worker.exited()

    async def stop(self, grace_s: float) -> None:
        """End the program."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop(grace_s)
