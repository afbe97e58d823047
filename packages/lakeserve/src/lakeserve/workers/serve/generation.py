"""Runs generations in threads and brings their events to the event loop."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Executor

from lakeserve.workers.serve.engine import Engine, EngineRequest, RequestRefused
from lakeserve.workers.serve.errors import ApiError, engine_failure
from lakeserve.workers.serve.events import Event, read_event
from lakeserve.workers.serve.slots import Slots

_log = logging.getLogger(__name__)


class Generation:
    """Several engine requests that answer one call, each with an index.

    The engine calls back from its thread once per token. Its events go into a deque; the loop is
    woken only when it sleeps, so that a burst of tokens costs one wake-up.
    """

    def __init__(
        self, engine: Engine, slots: Slots, executor: Executor, requests: Sequence[EngineRequest]
    ) -> None:
        self._engine = engine
        self._slots = slots
        self._executor = executor
        self._requests = requests
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[tuple[int, bytes | ApiError | None]] = deque()
        self._wake = asyncio.Event()
        self._notified = False
        self._stopped = False

    async def events(self) -> AsyncGenerator[tuple[int, Event], None]:
        """The events of all requests as they come, each with its request's index.

        Leaving the iteration early (``aclose`` or a cancelled task) stops the engine.

        Raises:
            ApiError: The engine refuses a request or fails; the others are stopped.
        """
        self._slots.admit(len(self._requests))
        runs = [asyncio.ensure_future(self._run(index)) for index in range(len(self._requests))]
        running = len(runs)
        try:
            while running:
                await self._wake.wait()
                self._wake.clear()
                self._notified = False  # before draining: what comes later notifies again
                while self._arrived:
                    index, item = self._arrived.popleft()
                    if item is None:
                        running -= 1
                    elif isinstance(item, ApiError):
                        raise item
                    elif (event := read_event(item)) is not None:
                        yield index, event
        finally:
            self._stopped = True
            if running:
                for run in runs:
                    run.cancel()

    async def _run(self, index: int) -> None:
        async with self._slots.slot():
            # A thread cannot be cancelled: the slot stays taken until the engine has noticed.
            work = self._loop.run_in_executor(self._executor, self._generate, index)
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                await asyncio.wait([work])
                raise

    def _generate(self, index: int) -> None:
        """Runs in a thread of the pool."""
        outcome: ApiError | None = None

        def on_event(data: bytes) -> bool:
            if not self._stopped:
                self._put(index, data)
            return self._stopped

        try:
            if not self._stopped:
                self._engine.generate(self._requests[index], on_event)
        except RequestRefused as error:
            outcome = ApiError(400, f"The engine refused the request: {error}")
        except Exception:  # noqa: BLE001  whatever it is, the waiting call must hear of it
            _log.exception("the engine failed")
            outcome = engine_failure("The engine failed; the worker's log says more.")
        self._put(index, outcome)

    def _put(self, index: int, item: bytes | ApiError | None) -> None:
        self._arrived.append((index, item))
        if not self._notified:
            self._notified = True
            self._loop.call_soon_threadsafe(self._wake.set)
