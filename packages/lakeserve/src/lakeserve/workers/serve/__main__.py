"""One worker process: ``python -m lakeserve.workers.serve``, a model behind a unix socket."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop

from lakeserve.core.errors import EngineError
from lakeserve.workers.bearer import guarded, take_bearer
from lakeserve.workers.listening import add_listen_arguments
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.protocols import REASON_PREFIX
from lakeserve.workers.serve.app import WorkerApp
from lakeserve.workers.serve.control_tokens import cleaner
from lakeserve.workers.serve.engine import LlamaEngine
from lakeserve.workers.serve.model import LoadedModel
from lakeserve.workers.serve.slots import Slots
from lakeserve.workers.unix_server import (
    exit_with_parent,
    open_listener,
    remove_socket,
    server_of,
)

_FAILED = 1


def main() -> int:
    """Serve until SIGTERM, or until the parent closes the pipe on standard input."""
    arguments = _arguments()
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which decides
    os.umask(0o077)
    exit_with_parent()
    try:
        return uvloop.run(_serve(arguments))
    except EngineError as error:
        print(f"{REASON_PREFIX}{error}", file=sys.stderr, flush=True)  # noqa: T201
        return _FAILED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lakeserve.workers.serve", description=__doc__)
    add_listen_arguments(parser)
    parser.add_argument(
        "--program", type=LlamaProgram.from_json, required=True, help="a LlamaProgram as JSON"
    )
    return parser.parse_args()


def _control_socket(worker_socket: Path | None) -> Path:
    """Where the engine itself listens: beside the worker's socket, or in a folder of its own."""
    if worker_socket is not None:
        return worker_socket.with_name(worker_socket.stem + "-e.sock")
    return Path(tempfile.mkdtemp(prefix="lakeserve-")) / "e.sock"


async def _serve(arguments: argparse.Namespace) -> int:
    program: LlamaProgram = arguments.program
    app = WorkerApp(program.kind)
    server = server_of(guarded(app, take_bearer()))
    control_socket = _control_socket(arguments.socket)
    listener = open_listener(arguments)
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
        remove_socket(arguments)
        control_socket.unlink(missing_ok=True)
    # Threads of the engine may still be inside a batch; nothing is left that needs them.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
