"""Keeps one local served entity alive: its worker, its observed state, its address."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from lakeserve.core.endpoints import Address, DeploymentState, EntityState, ServedEntity
from lakeserve.core.errors import EngineError, LakeserveError, Unavailable
from lakeserve.reconcile.addresses import answers
from lakeserve.reconcile.pace import Pace
from lakeserve.workers.protocols import Worker

logger = logging.getLogger(__name__)

ASLEEP = EntityState("DEPLOYMENT_READY", "Scaled to zero. Starts with its first call.")
READY = EntityState("DEPLOYMENT_READY")

PROBE_PAUSE_S = 0.05


class LocalEntity:
    """Supervises the worker of one entity in a task of its own.

    Args:
        entity: What is wanted.
        launch: Starts a worker; it may not be ready yet. A ``LakeserveError`` from here is about
            the model itself, so trying again soon would not help.
        pace: When to start again after a failure.
        changed: Called after every change of state or address.
        answers: Whether anybody listens at an address.
    """

    def __init__(
        self,
        entity: ServedEntity,
        launch: Callable[[], Awaitable[Worker]],
        pace: Pace,
        changed: Callable[[], None],
        answers: Callable[[Address], Awaitable[bool]] = answers,
    ) -> None:
        self.entity = entity
        self.address: Address | None = None
        self.state = (
            ASLEEP if entity.start == "on-demand" else _creating("Waiting for its worker to start")
        )
        self._launch = launch
        self._pace = pace
        self._changed = changed
        self._answers = answers
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._worker: Worker | None = None
        self._task: asyncio.Task[None] | None = None
        self._serving_since: float | None = None
        self._served = False
        self._failures = 0
        self._failed_starts = 0
        self._next_attempt_at = 0.0

    def start(self) -> None:
        """Begin to supervise; eager entities start their worker now."""
        if self.entity.start == "eager":
            self._wanted.set()
        self._task = asyncio.create_task(self._supervise(), name=f"entity {self.entity.name}")

    @property
    def is_settled(self) -> bool:
        """Whether the worker serves, or has failed for good."""
        return self._settled.is_set()

    async def settled(self) -> None:
        """Wait until the worker serves, or has failed for good."""
        await self._settled.wait()

    async def activate(self, timeout_s: float) -> Address:
        """Wait until the worker serves, starting it when it sleeps.

        Raises:
            Unavailable: It failed, or is not ready after ``timeout_s`` seconds.
        """
        if not self._wanted.is_set():
            self._wanted.set()
            self._show(_creating("Waiting for its worker to start"))
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._settled.wait(), deadline - time.monotonic())
            address = self.address
            if address is None:
                break
            # Whoever asks may have found the worker dead before its end was noticed here.
            if await self._answers(address):
                return address
            await asyncio.sleep(PROBE_PAUSE_S)
        reason = self.state.message or "its worker does not answer"
        raise Unavailable(
            f"The model of endpoint '{self.entity.name}' is not ready: {reason}",
            retry_after=self._retry_after(),
        )

    async def stop(self, grace_s: float) -> None:
        """End supervision and the worker; calls it still answers get ``grace_s`` seconds."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self.address = None
        self._settled.clear()
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
                logger.exception("entity %s: its worker cannot be started", self.entity.name)
                reason = f"{type(error).__name__}: {error}"
            await self._recover(reason, final)

    async def _serve_once(self) -> str:
        """Run one worker from start to end and say why it ended."""
        if not self._served and self._failures == 0:
            self._show(_creating(f"Starting {self.entity.model_name}"))
        worker = self._worker = await self._launch()
        try:
            reason = await self._watch(worker)
        except EngineError as error:
            reason = str(error)
        except Exception:
            await self._stop_worker(0.0)
            raise
        await self._stop_worker(0.0)
        return reason

    async def _watch(self, worker: Worker) -> str:
        ready = asyncio.ensure_future(worker.ready())
        exited = asyncio.ensure_future(worker.exited())
        try:
            await asyncio.wait({ready, exited}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
                if not exited.done():
                    self._serves(worker.address)
            return await exited
        finally:
            ready.cancel()
            exited.cancel()

    def _serves(self, address: Address) -> None:
        self.address = address
        self._serving_since = time.monotonic()
        self._settled.set()
        self._show(READY)
        logger.info("entity %s: ready", self.entity.name)

    async def _recover(self, reason: str, final: bool) -> None:
        self._count_failure()
        failed = final or self._failed_starts >= self._pace.attempts
        delay = self._pace.pause_s(self._failures, failed)
        self._next_attempt_at = time.monotonic() + delay
        logger.warning("entity %s: %s; starting again in %.1f s", self.entity.name, reason, delay)
        self.address = None
        if failed:
            self._settled.set()
        else:
            self._settled.clear()
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
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop(grace_s)

    def _show(self, state: EntityState) -> None:
        self.state = state
        self._changed()

    def _retry_after(self) -> int:
        return max(1, math.ceil(self._next_attempt_at - time.monotonic()))


def _creating(message: str) -> EntityState:
    return EntityState("DEPLOYMENT_CREATING", message)
