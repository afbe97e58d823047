"""What every worker process needs: a server on a unix socket that ends with its parent.

It is imported in environments that hold nothing else of the platform.
"""

import argparse
import contextlib
import fcntl
import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import uvicorn

# The upstream side keeps idle connections; it should never find one just closed.
_KEEP_ALIVE_S = 3600


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers, which end in a re-raised signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the handlers as they are."""
        yield

    def stop(self) -> None:
        """Stop accepting; finish what runs."""
        self.should_exit = True


def server_of(app: Any, http: Literal["auto", "httptools"] = "httptools") -> Server:
    """A server of an ASGI application; whoever runs it chooses the event loop."""
    return Server(
        uvicorn.Config(
            app,
            loop="none",
            http=http,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
    )


def listen(path: Path) -> socket.socket:
    """Listen on a unix socket, in the place of whatever lies there."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1024)
    return listener


def open_listener(arguments: argparse.Namespace) -> socket.socket:
    """Listen where the arguments say."""
    if arguments.socket is not None:
        return listen(arguments.socket)
    host, _, port = arguments.listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, int(port)), family=family, backlog=1024)


def remove_socket(arguments: argparse.Namespace) -> None:
    """Remove the unix socket, where there is one."""
    if arguments.socket is not None:
        arguments.socket.unlink(missing_ok=True)


def exit_with_parent() -> None:
    """End this process when the parent's end of the pipe on standard input closes.

    The kernel closes it even when the parent is killed. A terminal or a file is left alone.
    """
    descriptor = sys.stdin.fileno()
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return
    threading.Thread(target=_wait_for_end_of_input, daemon=True).start()
    # A thread does not run while an engine loads a model and holds the interpreter's lock. SIGIO,
    # which ends a process, needs no interpreter.
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)


def _wait_for_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)
