"""One scoring worker: an MLflow model behind a unix socket."""

import argparse
import asyncio
import importlib.util
import logging
import os
import signal
import sys
from pathlib import Path

from lakeserve.core.errors import EngineError
from lakeserve.workers.batching import DEFAULT_WAIT_MS, Batching
from lakeserve.workers.bearer import guarded, take_bearer
from lakeserve.workers.listening import add_listen_arguments
from lakeserve.workers.protocols import REASON_PREFIX
from lakeserve.workers.scoring.limits import restrict

_FAILED = 1
_MEBIBYTE = 1024 * 1024


def main() -> int:
    """Serve until SIGTERM, or until the parent closes the pipe on standard input."""
    arguments = _arguments()
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which decides
    os.umask(0o077)
    restrict(None if arguments.memory_mb is None else arguments.memory_mb * _MEBIBYTE)
    try:
        _check_packages()
        return _run(arguments)
    except EngineError as error:
        print(f"{REASON_PREFIX}{error}", file=sys.stderr, flush=True)  # noqa: T201
        return _FAILED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="launch.py", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="directory of an MLflow model")
    add_listen_arguments(parser)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--queue", type=int, default=256)
    parser.add_argument("--memory-mb", type=int)
    parser.add_argument("--max-batch-size", type=int, help="rows that are predicted at once")
    parser.add_argument("--max-batch-wait-ms", type=int, default=DEFAULT_WAIT_MS)
    return parser.parse_args()


def _batching(arguments: argparse.Namespace) -> Batching | None:
    if arguments.max_batch_size is None:
        return None
    return Batching(arguments.max_batch_size, arguments.max_batch_wait_ms)


def _check_packages() -> None:
    missing = [name for name in ("orjson", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineError(
            f"the interpreter {sys.executable} lacks {' and '.join(missing)}, which serving needs"
        )


def _run(arguments: argparse.Namespace) -> int:
    from lakeserve.workers.unix_server import exit_with_parent

    exit_with_parent()
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        return uvloop.run(_serve(arguments))
    return asyncio.run(_serve(arguments))


async def _serve(arguments: argparse.Namespace) -> int:
    from lakeserve.workers.scoring.app import ScoringApp
    from lakeserve.workers.scoring.model import load
    from lakeserve.workers.unix_server import open_listener, remove_socket, server_of

    app = ScoringApp(arguments.concurrency, arguments.queue, _batching(arguments))
    server = server_of(guarded(app, take_bearer()), "auto")
    listener = open_listener(arguments)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.stop)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    loading = loop.run_in_executor(app.pool, load, arguments.model)
    try:
        await asyncio.wait((loading, serving), return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            app.model = loading.result()
            await serving
    except EngineError:
        server.stop()
        await serving
        raise
    finally:
        remove_socket(arguments)
    # Threads of the model may still run; nothing is left that needs them.
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(0)
