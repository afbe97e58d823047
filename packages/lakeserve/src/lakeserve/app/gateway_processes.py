"""Starts gateways in processes of their own and starts those again that die."""

import asyncio
import logging
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from lakeserve.app.orders import Orders
from lakeserve.app.sockets import Sockets
from lakeserve.core.errors import ConfigurationError
from lakeserve.reconcile.pace import Pace
from lakeserve.settings import Settings, inherited_environment

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
# What a process takes to end, beside what its calls get.
END_TIMEOUT_S = 5.0
PACE = Pace(first_pause_s=0.1, longest_pause_s=5.0)
STABLE_S = 10.0


class GatewayProcesses:
    """One process for each listening socket.

    This process keeps the sockets open, too: connections that arrive while a gateway is started
    again wait for it instead of being refused.

    Args:
        settings: Handed over to each gateway.
        listeners: Where they listen.
        sockets: Where they find the platform.
        tls_listeners: Where they listen for https, if they do.
    """

    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[socket.socket],
        sockets: Sockets,
        tls_listeners: Sequence[socket.socket] = (),
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._sockets = sockets
        self._tls_listeners = tls_listeners
        self._processes: dict[int, Process] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start them all and wait until each serves.

        Raises:
            ConfigurationError: One of them does not start; its log says why.
        """
        for number in range(len(self._listeners)):
            await self._launch(number)
        await asyncio.gather(*(self._ready(number) for number in range(len(self._listeners))))
        self._tasks = [
            asyncio.create_task(self._keep(number), name=f"gateway {number}")
            for number in range(len(self._listeners))
        ]

    async def stop(self) -> None:
        """End them; calls in flight get the drain timeout of the settings."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._end(process) for process in self._processes.values()))

    async def _keep(self, number: int) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            code = await self._processes[number].wait()
            failures = 1 if time.monotonic() - began > STABLE_S else failures + 1
            pause = PACE.pause_s(failures, failed=False)
            logger.warning("gateway %d ended (%d); starting again in %.1f s", number, code, pause)
            await asyncio.sleep(pause)
            await self._launch(number)

    async def _launch(self, number: int) -> None:
        descriptor = self._listeners[number].fileno()
        tls_descriptor = self._tls_listeners[number].fileno() if self._tls_listeners else None
        process = self._processes[number] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lakeserve.app.gateway_process"),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=[each for each in (descriptor, tls_descriptor) if each is not None],
            env=inherited_environment(),
            start_new_session=True,
        )
        if process.stdin is not None:
            # It stays open: at its end the gateway knows that the platform has gone.
            orders = Orders(self._settings, descriptor, number, self._sockets, tls_descriptor)
            process.stdin.write(orders.text().encode() + b"\n")

    async def _ready(self, number: int) -> None:
        process = self._processes[number]
        try:
            line = await asyncio.wait_for(_line(process), START_TIMEOUT_S)
        except asyncio.TimeoutError:
            line = b""
        if not line:
            raise ConfigurationError("a gateway process does not start; the lines above say why")

    async def _end(self, process: Process) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            grace_s = self._settings.drain_timeout_s + END_TIMEOUT_S
            await asyncio.wait_for(process.wait(), grace_s)
        except asyncio.TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _line(process: Process) -> bytes:
    return b"" if process.stdout is None else await process.stdout.readline()
