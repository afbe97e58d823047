"""Keeps one worker of a local served entity alive: starts it, looks after it, replaces it."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from lakeserve.core.endpoints import Address, DeploymentState, EntityState
from lakeserve.core.errors import EngineError, LakeserveError
from lakeserve.reconcile.heartbeat import Heartbeat
from lakeserve.reconcile.pace import Pace
from lakeserve.workers.protocols import Pulse, Worker

logger = logging.getLogger(__name__)

ASLEEP = EntityState("DEPLOYMENT_READY", "Scaled to zero. Starts with its first call.")
READY = EntityState("DEPLOYMENT_READY")
WAITING = EntityState("DEPLOYMENT_CREATING", "Waiting for its worker to start")
WAKING = EntityState("DEPLOYMENT_READY", "Scaled to zero. Its worker is starting for a call.")

STOP_GRACE_S = 10.0


class Replica:
    """Supervises one worker in a task of its own.

    Args:
        name: For the log.
        model_name: For people who wait for it to start.
        launch: Starts a worker; it may not be ready yet. A ``LakeserveError`` from here is about
            the model itself, so trying again soon would not help.
        pace: When to start again after a failure.
        heartbeat: When to ask the worker how it is.
        changed: Called after every change of state or address.
        idle: Called when the worker has had no calls for the idle timeout.
    """

    def __init__(
        self,
        name: str,
        model_name: str,
        launch: Callable[[], Awaitable[Worker]],
        pace: Pace,
        heartbeat: Heartbeat,
        changed: Callable[[], None],
        idle: Callable[[], None],
    ) -> None:
        self.address: Address | None = None
        self.state = ASLEEP
        self.idle_s = 0.0
        self.calls = 0.0
        self._counted: tuple[float, float] | None = None
        self._name = name
        self._model_name = model_name
        self._launch = launch
        self._pace = pace
        self._heartbeat = heartbeat
        self._changed = changed
        self._idle = idle
        self._wanted = asyncio.Event()
        self._tired = asyncio.Event()
        self._worker: Worker | None = None
        self._task: asyncio.Task[None] | None = None
        self._serving_since: float | None = None
        self._served = False
        self._failures = 0
        self._failed_starts = 0
        self._next_attempt_at = 0.0

    def start(self) -> None:
        """Begin to supervise; the worker starts when it is wanted."""
        self._task = asyncio.create_task(self._supervise(), name=f"replica of {self._name}")

    @property
    def is_failed(self) -> bool:
        """Whether it counts as failed; it is tried again, but rarely."""
        return self.state.deployment == "DEPLOYMENT_FAILED"

    @property
    def is_awake(self) -> bool:
        """Whether its worker is to run."""
        return self._wanted.is_set()

    @property
    def pid(self) -> int | None:
        """The process of its worker, or None while none runs."""
        return None if self._worker is None else self._worker.pid

    def wake(self) -> None:
        """Have the worker run from now on."""
        self._tired.clear()
        if not self._wanted.is_set():
            self._wanted.set()
            self._show(WAKING if self._served else WAITING)

    def tell(self, message: str) -> None:
        """Say what is being done for a worker that is being made for the first time."""
        if self.state.deployment == "DEPLOYMENT_CREATING":
            self._show(_creating(message))

    def rest(self) -> None:
        """Have the worker end, as it has nothing to do; the next ``wake`` starts another."""
        self._tired.set()

    def retry_after(self) -> int:
        """Whole seconds until the next start is tried, at least 1."""
        return max(1, math.ceil(self._next_attempt_at - time.monotonic()))

    async def retire(self, grace_s: float) -> None:
        """Take the worker out of service, and end it when it has answered what it has.

        Args:
            grace_s: What its calls get. One that does not serve has none, and ends at once.
        """
        served, self.address = self.address is not None, None
        self._wanted.clear()  # one that crashes now is not started again
        if served:
            await asyncio.sleep(self._heartbeat.linger_s)
        await self.stop(grace_s if served else 0.0)

    async def stop(self, grace_s: float) -> None:
        """End supervision and the worker; calls it still answers get ``grace_s`` seconds."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self.address = None
        await self._stop_worker(grace_s)

    async def _supervise(self) -> None:
        while True:
            await self._wanted.wait()
            final = False
            try:
                reason = await self._serve_once()
            except LakeserveError as error:
                reason, final = str(error), True
            except Exception as error:
                # Whatever went wrong, the next attempt may succeed; without this loop none is made.
                logger.exception("entity %s: its worker cannot be started", self._name)
                reason = f"{type(error).__name__}: {error}"
            if reason is not None:
                await self._recover(reason, final)

    async def _serve_once(self) -> str | None:
        """Run one worker from start to end and say why it ended; None when it went to sleep."""
        if not self._served and self._failures == 0:
            self._show(_creating(f"Starting {self._model_name}"))
        worker = self._worker = await self._launch()
        try:
            reason = await self._watch(worker)
        except EngineError as error:
            reason = str(error)
        except Exception:
            await self._stop_worker(0.0)
            raise
        await self._stop_worker(0.0 if reason is not None else STOP_GRACE_S)
        return reason

    async def _watch(self, worker: Worker) -> str | None:
        ready = asyncio.ensure_future(worker.ready())
        exited = asyncio.ensure_future(worker.exited())
        serving: asyncio.Future[str | None] | None = None
        try:
            await asyncio.wait({ready, exited}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
            if exited.done():
                return exited.result()
            self._serves(worker.address)
            serving = asyncio.ensure_future(self._look_after(worker))
            await asyncio.wait({serving, exited}, return_when=asyncio.FIRST_COMPLETED)
            return exited.result() if exited.done() else serving.result()
        finally:
            for waiting in (ready, exited, serving):
                if waiting is not None:
                    waiting.cancel()

    async def _look_after(self, worker: Worker) -> str | None:
        """Ask a serving worker how it is until it hangs (a sentence) or may sleep (None)."""
        beat, misses = self._heartbeat, 0
        while True:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._tired.wait(), beat.interval_s)
            if self._tired.is_set() and await self._falls_asleep(worker):
                return None
            pulse = await worker.pulse(beat.timeout_s)
            if pulse is None:
                misses += 1
                if misses >= beat.misses:
                    return (
                        f"the worker was replaced: it did not answer {misses} health probes in a"
                        f" row within {beat.timeout_s:g} s each"
                    )
                continue
            misses = 0
            self._note(pulse)

    def _note(self, pulse: Pulse) -> None:
        self.idle_s = 0.0 if pulse.active else pulse.idle_s
        self._count(pulse)
        if self.idle_s >= self._heartbeat.idle_timeout_s:
            self._idle()

    def _count(self, pulse: Pulse) -> None:
        """Tell the calls at a time since the last probe, exactly where the worker counts them."""
        self.calls = float(pulse.active)
        if pulse.busy_s is None:
            return
        now, before = time.monotonic(), self._counted
        self._counted = (now, pulse.busy_s)
        if before is not None and now > before[0]:
            self.calls = max(0.0, (pulse.busy_s - before[1]) / (now - before[0]))

    async def _falls_asleep(self, worker: Worker) -> bool:
        """Take the worker out of service, unless a call came after all."""
        address, self.address = self.address, None
        self._served = True
        self._wanted.clear()
        self._show(ASLEEP)
        linger_s = self._heartbeat.linger_s
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), linger_s)
        self._tired.clear()
        if not self._wanted.is_set():
            pulse = await worker.pulse(self._heartbeat.timeout_s)
            if pulse is None or (not pulse.active and pulse.idle_s >= linger_s):
                self._serving_since = None
                return True
        self._wanted.set()
        self.idle_s = 0.0
        self.address = address
        self._show(READY)
        return False

    def _serves(self, address: Address) -> None:
        self.address = address
        self.idle_s = 0.0
        self._serving_since = time.monotonic()
        self._show(READY)
        logger.info("entity %s: ready", self._name)

    async def _recover(self, reason: str, final: bool) -> None:
        self._count_failure()
        failed = final or self._pace.is_hopeless(self._failed_starts, self._failures)
        delay = self._pace.pause_s(self._failures, failed)
        self._next_attempt_at = time.monotonic() + delay
        logger.warning("entity %s: %s; starting again in %.1f s", self._name, reason, delay)
        self.address = None
        self._show(EntityState(self._deployment(failed), reason))
        await asyncio.sleep(delay)

    def _count_failure(self) -> None:
        began, self._serving_since = self._serving_since, None
        if began is None:
            self._failed_starts += 1
        else:
            self._served = True
            self._failed_starts = 0
            if time.monotonic() - began >= self._pace.stable_s:
                self._failures = 0
        self._failures += 1

    def _deployment(self, failed: bool) -> DeploymentState:
        if failed:
            return "DEPLOYMENT_FAILED"
        return "DEPLOYMENT_RECOVERING" if self._served else "DEPLOYMENT_CREATING"

    async def _stop_worker(self, grace_s: float) -> None:
        self.calls, self._counted = 0.0, None
        worker = self._worker
        if worker is not None:
            await worker.stop(grace_s)
            self._worker = None

    def _show(self, state: EntityState) -> None:
        self.state = state
        self._changed()


def _creating(message: str) -> EntityState:
    return EntityState("DEPLOYMENT_CREATING", message)
