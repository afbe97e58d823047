"""One worker process: ``python -m lakeserve.workers.serve``, a model behind a unix socket."""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn
import uvloop

from lakeserve.core.errors import EngineError
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.protocols import REASON_PREFIX
from lakeserve.workers.serve.app import WorkerApp
from lakeserve.workers.serve.control_tokens import cleaner
from lakeserve.workers.serve.engine import LlamaEngine
from lakeserve.workers.serve.model import LoadedModel
from lakeserve.workers.serve.slots import Slots

_FAILED = 1


def main() -> int:
    """Serve until SIGTERM, or until the parent closes the pipe on standard input."""
    arguments = _arguments()
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which decides
    os.umask(0o077)
    _exit_with_parent()
    try:
        return uvloop.run(_serve(arguments))
    except EngineError as error:
        print(f"{REASON_PREFIX}{error}", file=sys.stderr, flush=True)  # noqa: T201
        return _FAILED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lakeserve.workers.serve", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument(
        "--program", type=LlamaProgram.from_json, required=True, help="a LlamaProgram as JSON"
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> int:
    program: LlamaProgram = arguments.program
    app = WorkerApp(program.kind)
    server = _Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            # The upstream side keeps idle connections; it should never find one just closed.
            timeout_keep_alive=3600,
        )
    )
    control_socket = arguments.socket.with_name(arguments.socket.stem + "-e.sock")
    listener = _listen(arguments.socket)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.stop)
    executor = ThreadPoolExecutor(program.slots, thread_name_prefix="generation")
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        engine = await loop.run_in_executor(executor, LlamaEngine, program, control_socket)
        app.model = LoadedModel(
            name=program.model_name,
            engine=engine,
            slots=Slots(program.slots, program.queue),
            executor=executor,
            clean=cleaner(engine.markers()),
        )
        await serving
    except EngineError:
        server.stop()
        await serving
        raise
    finally:
        arguments.socket.unlink(missing_ok=True)
        control_socket.unlink(missing_ok=True)
    # Threads of the engine may still be inside a batch; nothing is left that needs them.
    sys.stderr.flush()
    os._exit(0)


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1024)
    return listener


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers, which end in a re-raised signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the handlers as they are."""
        yield

    def stop(self) -> None:
        """Stop accepting; finish what runs."""
        self.should_exit = True


def _exit_with_parent() -> None:
    """End this process when the parent's end of the pipe on standard input closes.

    The kernel closes it even when the parent is killed. A terminal or a file is left alone.
    """
    descriptor = sys.stdin.fileno()
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return
    threading.Thread(target=_wait_for_end_of_input, daemon=True).start()
    # A thread does not run while llama.cpp loads a model, because that holds the interpreter's
    # lock. SIGIO, which ends a process, needs no interpreter.
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)


def _wait_for_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
