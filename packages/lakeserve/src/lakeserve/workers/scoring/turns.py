"""Predictions take turns, so that their threads do not fight for the interpreter."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")

# Longer than most models that only compute in Python; whoever takes longer may wait for something.
PATIENCE_S = 0.005

_Piece = tuple[Callable[[], Any], "asyncio.Future[Any]"]
_Done = tuple["asyncio.Future[Any]", Any, "BaseException | None"]


class _Turn:
    """The right of one thread to take work."""

    __slots__ = ("is_over",)

    def __init__(self) -> None:
        self.is_over = False


class Turns:
    """Runs work in threads, one piece after the other, without waiting for those that take long.

    Threads that compute at the same time cost more together than one after the other, because each
    wakes the others for the interpreter's lock. Work that waits for something else releases it, so
    a piece that takes longer than ``patience_s`` (up to twice as long) loses its turn: the next one
    starts beside it, as far as there are threads.

    An executor would do, but it costs a piece about as much as the smallest predictions: it wakes
    the event loop for each result, and a thread for each piece. Here the thread that has the turn
    goes on with the next piece by itself, and results that come together are delivered together.

    Args:
        threads: At most; they are started when they are needed, and end with the process.
        patience_s: How long the next piece of work waits for the one before.
    """

    def __init__(self, threads: int, patience_s: float = PATIENCE_S) -> None:
        self._most_threads = threads
        self._patience_s = patience_s
        self._todo: SimpleQueue[_Piece] = SimpleQueue()
        self._done: deque[_Done] = deque()
        self._is_told = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unfinished = 0
        self._is_watched = False
        # One turn exists: it lies here, or a thread has it.
        self._free: SimpleQueue[_Turn] = SimpleQueue()
        self._lock = threading.Lock()
        self._running: _Turn | None = None
        self._begun = 0
        self._threads = 0
        self._idle = 0

    def run(self, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        """What the work returns or raises; all calls come from one event loop."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
            self._pass_on()
        future: asyncio.Future[Result] = loop.create_future()
        self._unfinished += 1
        self._todo.put((work, future))
        if not self._is_watched:
            self._is_watched = True
            loop.call_later(self._patience_s, self._watch, loop, self._begun)
        return future

    # In the event loop.

    def _watch(self, loop: asyncio.AbstractEventLoop, begun: int) -> None:
        """Look whether the same piece runs as at the last look; one timer serves all pieces."""
        if not self._unfinished:
            self._is_watched = False
            return
        with self._lock:
            if self._running is not None and self._begun == begun:
                self._running.is_over = True
                self._running = None
                self._pass_on()
        loop.call_later(self._patience_s, self._watch, loop, self._begun)

    def _pass_on(self) -> None:
        self._free.put(_Turn())
        if not self._idle and self._threads < self._most_threads:
            self._threads += 1
            threading.Thread(target=self._serve, name="prediction", daemon=True).start()

    def _deliver(self) -> None:
        self._is_told = False  # before the look at the results: what comes after it is told anew
        while self._done:
            future, result, error = self._done.popleft()
            self._unfinished -= 1
            if future.done():  # its caller has gone
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    # In threads.

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            turn = self._free.get()
            with self._lock:
                self._idle -= 1
            while not turn.is_over:
                self._do(turn, self._todo.get())

    def _do(self, turn: _Turn, piece: _Piece) -> None:
        work, future = piece
        self._begun += 1
        self._running = turn
        result: Any = None
        error: BaseException | None = None
        if not future.cancelled():
            try:
                result = work()
            except StopIteration as raised:  # which a future does not take
                error = RuntimeError(f"the work raised {raised!r}")
            except BaseException as raised:  # noqa: BLE001 - whoever waits is told
                error = raised
        with self._lock:
            if not turn.is_over:
                self._running = None
        self._done.append((future, result, error))
        if not self._is_told and self._loop is not None:
            self._is_told = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._deliver)
