"""A runner without processes, for tests of the rooms that drive workers."""

import asyncio

from lakeserve.core.endpoints import Address
from lakeserve.core.errors import EngineError
from lakeserve.workers.protocols import Pulse, Worker, WorkerSpec

_NOWHERE = Address(uds="/nonexistent.sock")


class FakeWorker:
    """A worker that does what the test says.

    Attributes:
        says: Its answer to the next health probes; None for a worker that hangs.
        probes: Health probes so far.
    """

    def __init__(self, spec: WorkerSpec, address: Address, pid: int) -> None:
        self.spec = spec
        self.stops: list[float] = []
        self.says: Pulse | None = Pulse()
        self.probes = 0
        self._address = address
        self._pid = pid
        self._ready = asyncio.Event()
        self._reason: str | None = None
        self._ended = asyncio.Event()

    @property
    def address(self) -> Address:
        """See ``Worker``."""
        return self._address

    @property
    def pid(self) -> int | None:
        """See ``Worker``."""
        return None if self._ended.is_set() else self._pid

    def become_ready(self) -> None:
        """Let ``ready`` return."""
        self._ready.set()

    def crash(self, reason: str = "worker ended with signal SIGKILL") -> None:
        """End, as a crashed process does."""
        if self._reason is None:
            self._reason = reason
        self._ended.set()

    async def ready(self) -> None:
        """See ``Worker``."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._ready, self._ended)]
        try:
            await asyncio.wait(
                waits, timeout=self.spec.start_timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
        if self._ended.is_set():
            raise EngineError(self._reason or "")
        if not self._ready.is_set():
            raise EngineError(f"worker was not ready after {self.spec.start_timeout_s:g} s")

    async def pulse(self, timeout_s: float) -> Pulse | None:
        """See ``Worker``."""
        self.probes += 1
        return self.says

    async def exited(self) -> str:
        """See ``Worker``."""
        await self._ended.wait()
        return self._reason or ""

    async def stop(self, grace_s: float) -> None:
        """See ``Worker``; the calls are kept in ``stops``."""
        self.stops.append(grace_s)
        self.crash(f"worker {self.spec.model_name!r} was stopped")


class FakeRunner:
    """Makes ``FakeWorker`` objects.

    Attributes:
        workers: Every worker made, in order.
        auto_ready: Whether new workers are ready at once.
        refusal: When set, ``start`` fails with this text.
        crash_on_start: When set, new workers end at once with this reason.
    """

    def __init__(self, *, auto_ready: bool = True, address: Address = _NOWHERE) -> None:
        self.workers: list[FakeWorker] = []
        self.auto_ready = auto_ready
        self.refusal: str | None = None
        self.crash_on_start: str | None = None
        self._address = address

    async def start(self, spec: WorkerSpec) -> Worker:
        """See ``Runner``."""
        if self.refusal is not None:
            raise EngineError(self.refusal)
        worker = FakeWorker(spec, self._address, 10_000 + len(self.workers))
        self.workers.append(worker)
        if self.crash_on_start is not None:
            worker.crash(self.crash_on_start)
        elif self.auto_ready:
            worker.become_ready()
        return worker
