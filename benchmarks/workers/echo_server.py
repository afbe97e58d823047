"""A server that answers a few bytes, by the HTTP server that the platform's workers have.

Run as ``python echo_server.py --listen HOST:PORT``. A reply holds the process that gave it.
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
import uvloop
from lakeserve.workers.listening import add_listen_arguments
from lakeserve.workers.serve.activity import Activity
from lakeserve.workers.serve.intake import read_body
from lakeserve.workers.unix_server import exit_with_parent, open_listener, server_of

Message = MutableMapping[str, Any]

activity = Activity()


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer one request."""
    if scope["path"] == "/health":
        answer = orjson.dumps(activity.seen())
    else:
        with activity:
            asked = orjson.loads(await read_body(receive))
            answer = orjson.dumps({"pid": os.getpid(), "asked": asked["n"]})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM."""
    server = server_of(app)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve(sockets=[open_listener(arguments)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_listen_arguments(parser)
    exit_with_parent()
    uvloop.run(serve(parser.parse_args()))
