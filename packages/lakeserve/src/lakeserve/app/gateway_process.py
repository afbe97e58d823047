"""A gateway in a process of its own beside a platform, which starts it.

It reads its orders from standard input, says "ready" on standard output when it serves, and ends on
SIGTERM or when standard input ends, which it does with the platform.
"""

import asyncio
import contextlib
import os
import socket
import sys
import threading

from lakeserve.app.logs import configure_logging
from lakeserve.app.orders import Orders
from lakeserve.app.server import stop_signals
from lakeserve.app.standalone import StandaloneGateway
from lakeserve.core.endpoints import Address
from lakeserve.gateway.control_proxy import ControlProxy

STDIN = 0


async def serve(orders: Orders) -> None:
    """Serve until told to stop."""
    settings = orders.settings
    control = ControlProxy(Address(uds=str(orders.sockets.http)), settings.max_request_bytes)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_signals())
        listener = stack.enter_context(socket.socket(fileno=orders.descriptor))
        tls_listener = None
        if orders.tls_descriptor is not None:
            tls_listener = stack.enter_context(socket.socket(fileno=orders.tls_descriptor))
        link = orders.sockets.link
        async with StandaloneGateway(settings, listener, control, link, tls_listener) as gateway:
            print("ready", flush=True)  # noqa: T201
            _stop_with_the_platform(stop)
            ended = asyncio.ensure_future(gateway.ended())
            stopping = asyncio.ensure_future(stop.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for waiting in (ended, stopping):
                waiting.cancel()


def _stop_with_the_platform(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def wait() -> None:
        # Not by the file object: a thread that waits in it cannot be left behind at the end.
        while os.read(STDIN, 1):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Read the orders and serve."""
    orders = Orders.read(sys.stdin.buffer.readline().decode())
    configure_logging(orders.settings)
    import uvloop

    uvloop.run(serve(orders))


if __name__ == "__main__":
    main()
