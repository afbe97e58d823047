"""Requests that wait for others, to be predicted with them."""

import asyncio
from collections import deque
from collections.abc import Sequence

from lakeserve.workers.scoring.batched_model import BatchedModel, Outcome, Request
from lakeserve.workers.scoring.turns import Turns

_Waiting = tuple[Request, "asyncio.Future[Outcome]"]


class BatchQueue:
    """Collects requests until there are enough of them, or the first one has waited long enough.

    Those that come while a batch waits for its turn still join it.

    Args:
        model: Answers them.
        turns: Runs predictions.
        max_requests: Requests of a batch, at most.
        max_wait_s: How long a request waits for others, at most.
    """

    def __init__(
        self, model: BatchedModel, turns: Turns, max_requests: int, max_wait_s: float
    ) -> None:
        self._model = model
        self._turns = turns
        self._max_requests = max_requests
        self._max_wait_s = max_wait_s
        self._waiting: deque[_Waiting] = deque()
        self._since_flush = 0
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, request: Request) -> Outcome:
        """The outcome of a request."""
        loop = asyncio.get_running_loop()
        waiting: _Waiting = request, loop.create_future()
        self._waiting.append(waiting)
        self._since_flush += 1
        if self._since_flush >= self._max_requests or not self._model.is_vectorised:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(self._max_wait_s, self._flush)
        return await waiting[1]

    def _flush(self) -> None:
        """Have a batch predicted: whoever waits when its turn comes."""
        self._since_flush = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            task = asyncio.ensure_future(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        taken: list[_Waiting] = []

        def answer() -> Sequence[Outcome]:
            # Callers may leave or come meanwhile, in another thread.
            while self._waiting and len(taken) < self._max_requests:
                waiting = self._waiting.popleft()
                if not waiting[1].cancelled():
                    taken.append(waiting)
            return self._model.answer([request for request, _ in taken])

        try:
            outcomes = await self._turns.run(answer)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(taken, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)
