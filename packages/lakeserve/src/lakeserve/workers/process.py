"""Workers as processes of this machine."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import stat
import tempfile
import time
from asyncio.subprocess import Process
from pathlib import Path

from lakeserve.core.endpoints import Address
from lakeserve.core.errors import EngineError
from lakeserve.settings import child_environment, inherited_environment
from lakeserve.workers.confinement import scratch_environment, temporary_files
from lakeserve.workers.logs import keep_short, open_log, tail
from lakeserve.workers.protocols import REASON_PREFIX, Pulse, Worker, WorkerSpec

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, one of them the closing zero. The engine's
# own socket beside the worker's has a longer name.
_LONGEST_SOCKET_PATH = 103 - len("-e.sock")
# In a directory of a worker's own.
_LONE_SOCKET = "w.sock"
_LAST_LINES = 5
_POLL_S = 0.02
_DRAIN_POLL_S = 0.1


class ProcessRunner:
    """Starts one process per worker.

    A worker holds the read end of a pipe as its standard input and ends when this process does,
    however that happens.
    """

    def __init__(self, host: str | None = None) -> None:
        """Start workers on unix sockets where they can use them.

        Args:
            host: An address of this machine; when given, workers listen on ports of it.
        """
        self._host = host
        self._swept: set[Path] = set()

    async def start(self, spec: WorkerSpec) -> Worker:
        """See ``Runner``."""
        try:
            confined = _confined(spec)
            path, folder = _socket_place(spec, alone=confined)
            if spec.socket_dir not in self._swept:
                self._swept.add(spec.socket_dir)
                _remove_dead_sockets(spec.socket_dir)
            if spec.work_dir is not None:
                scratch = temporary_files(spec.work_dir) if confined else spec.work_dir
                scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
            log = open_log(spec.log_path)
        except OSError as error:
            raise EngineError(f"cannot prepare worker {spec.model_name!r}: {error}") from None
        address = _address(spec, path, self._host)
        environment = _environment(spec, confined=confined)
        child_end, our_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(spec, address, environment, path, confined=confined),
                stdin=child_end,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=spec.work_dir,
                start_new_session=True,
            )
        except OSError as error:
            os.close(our_end)
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise EngineError(f"cannot start worker {spec.model_name!r}: {error}") from None
        finally:
            os.close(child_end)
            os.close(log)
        return ProcessWorker(spec, process, address, path, our_end, folder)


class ProcessWorker:
    """A worker process."""

    def __init__(
        self,
        spec: WorkerSpec,
        process: Process,
        address: Address,
        socket_path: Path,
        lifeline: int,
        folder: Path | None,
    ) -> None:
        self._spec = spec
        self._process = process
        self._address = address
        self._prober = spec.program.prober()
        self._socket_path = socket_path
        self._lifeline = lifeline
        self._folder = folder  # of its own, for its socket
        self._stopping = False
        self._keeping = asyncio.ensure_future(keep_short(spec.log_path))
        self._ended = asyncio.ensure_future(self._end())

    @property
    def address(self) -> Address:
        """See ``Worker``."""
        return self._address

    @property
    def pid(self) -> int | None:
        """See ``Worker``."""
        return self._process.pid

    async def ready(self) -> None:
        """See ``Worker``."""
        limit = self._spec.start_timeout_s
        try:
            await asyncio.wait_for(self._answers(), limit)
        except asyncio.TimeoutError:
            raise EngineError(
                f"worker {self._spec.model_name!r} was not ready after {limit:g} s"
                f"{self._last_words()}"
            ) from None

    async def pulse(self, timeout_s: float) -> Pulse | None:
        """See ``Worker``."""
        return await self._prober(self.address, timeout_s)

    async def exited(self) -> str:
        """See ``Worker``."""
        return await asyncio.shield(self._ended)

    async def stop(self, grace_s: float) -> None:
        """See ``Worker``."""
        self._stopping = True
        grace_s = await self._drained(grace_s)
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait((self._ended,), timeout=grace_s)
        if not done:
            self._signal(signal.SIGKILL)
            await asyncio.wait((self._ended,))

    async def _drained(self, grace_s: float) -> float:
        """Wait until it has no calls; what is left of the time. Not every server does so itself."""
        until = time.monotonic() + grace_s
        while (left := until - time.monotonic()) > 0 and not self._ended.done():
            pulse = await self._prober(self.address, left)
            if pulse is None or not pulse.active:
                break
            await asyncio.sleep(min(_DRAIN_POLL_S, left))
        return max(0.0, until - time.monotonic())

    async def _answers(self) -> None:
        while await self._prober(self.address, self._spec.start_timeout_s) is None:
            if self._ended.done():
                raise EngineError(self._ended.result())
            await asyncio.sleep(_POLL_S)

    async def _end(self) -> str:
        code = await self._process.wait()
        self._keeping.cancel()
        # It leads a session of its own; what a model started there ends with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        os.close(self._lifeline)
        for path in (self._socket_path, _control_socket(self._socket_path)):
            path.unlink(missing_ok=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        name = f"worker {self._spec.model_name!r}"
        if self._stopping:
            return f"{name} was stopped"
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"{name} ended with {how}{self._last_words()}"

    def _signal(self, number: int) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _last_words(self) -> str:
        lines = last_lines(self._spec.log_path, _LAST_LINES)
        return f": {lines}" if lines else f"; its log {str(self._spec.log_path)!r} is empty"


def last_lines(path: Path, count: int) -> str:
    """The last lines of a log, or just the worker's own reason; empty when there is none."""
    text = tail(path, 8192).decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[-1].startswith(REASON_PREFIX):
        return lines[-1].removeprefix(REASON_PREFIX)
    return "\n".join(lines[-count:])[-2000:]


def _address(spec: WorkerSpec, socket_path: Path, host: str | None) -> Address:
    listens = spec.program.listens
    if host is None and listens != "port":
        return Address(uds=str(socket_path))
    if host is not None and listens == "socket":
        raise EngineError(
            f"worker {spec.model_name!r} listens on a unix socket only, which other machines cannot"
            " reach: its command needs {host} and {port}"
        )
    place = host or "127.0.0.1"
    # Somebody else may take the port before the worker does: it then ends and is started again.
    with socket.socket(socket.AF_INET6 if ":" in place else socket.AF_INET) as free:
        free.bind((place, 0))
        return Address(host=place, port=free.getsockname()[1])


def _confined(spec: WorkerSpec) -> bool:
    return spec.confinement is not None and spec.confinement.applies


def _command(
    spec: WorkerSpec,
    address: Address,
    environment: dict[str, str],
    socket_path: Path,
    *,
    confined: bool,
) -> list[str]:
    command = list(spec.program.command(address))
    if not confined or spec.confinement is None:
        return command
    writes = [socket_path.parent, spec.log_path]
    if spec.work_dir is not None:
        writes.append(spec.work_dir)
    return spec.confinement.command(command, environment, writes)


def _environment(spec: WorkerSpec, *, confined: bool) -> dict[str, str]:
    """Somebody else's program gets nothing that is the platform's own."""
    inherited = inherited_environment() if spec.work_dir is None else child_environment()
    if confined and spec.work_dir is not None:
        inherited = scratch_environment(inherited, spec.work_dir)
    variable, bearer = spec.program.bearer_variable, spec.bearer
    own = {} if variable is None or bearer is None else {variable: bearer}
    return {**inherited, **spec.program.environment(), **own}


def _control_socket(socket_path: Path) -> Path:
    return socket_path.with_name(socket_path.stem + "-e.sock")


def _socket_place(spec: WorkerSpec, *, alone: bool) -> tuple[Path, Path | None]:
    """A socket that only this user can reach, and the directory that goes with it, if any.

    Its name is new for every start: the one before may still be draining. Whoever may make a socket
    in a directory may also take the place of others there, so a confined worker is alone.
    """
    name = f"{spec.entity_id[:12]}-{secrets.token_hex(3)}"
    shared, lone = spec.socket_dir / f"{name}.sock", spec.socket_dir / name / _LONE_SOCKET
    if len(os.fsencode(lone)) > _LONGEST_SOCKET_PATH:
        folder = Path(tempfile.mkdtemp(prefix="lakeserve-"))
        return folder / _LONE_SOCKET, folder
    spec.socket_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    spec.socket_dir.chmod(stat.S_IRWXU)
    if not alone:
        return shared, None
    lone.parent.mkdir(mode=0o700)
    return lone, lone.parent


def _remove_dead_sockets(directory: Path) -> None:
    """Remove what workers of a killed platform left behind."""
    for path in (*directory.glob("*.sock"), *directory.glob(f"*/{_LONE_SOCKET}")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
                if path.parent != directory:
                    shutil.rmtree(path.parent, ignore_errors=True)
            except OSError:
                continue
