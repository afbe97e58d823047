"""Ends a call whose caller has gone or whose time is up."""

import asyncio
import sys
from types import TracebackType
from typing import Protocol

from lakeserve.core.errors import DeadlineExceeded
from lakeserve.gateway.intake import CallerGone, Receive

# Most calls are over before it is worth a task to watch their caller.
WATCH_AFTER_S = 0.02


class Guard(Protocol):
    """What can end a call early.

    Attributes:
        reason: What it was ended for, or None.
    """

    reason: Exception | None

    def watch(self, receive: Receive) -> None:
        """The request is read: from now on all that can come from the caller is its leaving."""
        ...

    def cut_short(self, reason: Exception) -> None:
        """End the call now, with this exception. Only the first reason counts."""
        ...


class CallGuard:
    """A context that ends its own task's work early, with an exception that says why.

    Raises, on leaving: ``CallerGone``, ``DeadlineExceeded``, or what ``cut_short`` was called with.

    Attributes:
        reason: What the work was ended for, or None.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self.reason: Exception | None = None
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._receive: Receive | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._is_late = False

    def __enter__(self) -> "CallGuard":
        self._task = asyncio.current_task()
        self._timer = self._loop.call_later(min(WATCH_AFTER_S, self._timeout_s), self._be_late)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        task, self._task = self._task, None
        if self.reason is not None and kind is asyncio.CancelledError:
            if task is not None and sys.version_info >= (3, 11):
                task.uncancel()
            raise self.reason from None

    def watch(self, receive: Receive) -> None:
        """The request is read: from now on all that can come from the caller is its leaving."""
        self._receive = receive
        if self._is_late:
            self._start_watching()

    def cut_short(self, reason: Exception) -> None:
        """End the call now, with this exception. Only the first reason counts."""
        if self._task is not None and self.reason is None:
            self.reason = reason
            self._task.cancel()

    def _be_late(self) -> None:
        self._is_late = True
        self._timer = self._loop.call_later(
            max(0.0, self._timeout_s - WATCH_AFTER_S), self._time_out
        )
        if self._receive is not None:
            self._start_watching()

    def _start_watching(self) -> None:
        if self._watcher is None and self._receive is not None:
            self._watcher = self._loop.create_task(self._watch(self._receive))

    async def _watch(self, receive: Receive) -> None:
        message = await receive()
        if message["type"] == "http.disconnect":
            self.cut_short(CallerGone())

    def _time_out(self) -> None:
        self.cut_short(DeadlineExceeded(f"The call took longer than {self._timeout_s:g} seconds."))
