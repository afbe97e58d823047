"""Sockets to listen on, and what is said when one cannot be had."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

from lakeserve.core.errors import ConfigurationError

BACKLOG = 2048


@contextlib.contextmanager
def listen(host: str, port: int, option: str = "--port") -> Iterator[socket.socket]:
    """A socket that listens.

    Args:
        host: Name or address.
        port: 0 for any that is free.
        option: What chooses the port on the command line.

    Raises:
        ConfigurationError: The address cannot be had; the text says why and what to do.
    """
    with _bound(host, port, option, shared=False) as listener:
        yield listener


@contextlib.contextmanager
def listen_together(
    host: str, port: int, count: int, option: str = "--port"
) -> Iterator[list[socket.socket]]:
    """Sockets that listen on one port, for as many processes; the kernel shares connections out.

    Raises:
        ConfigurationError: The address cannot be had; the text says why and what to do.
    """
    with contextlib.ExitStack() as stack:
        # Alone at first: with the sharing kind another program's socket would not be noticed.
        with _bound(host, port, option, shared=False) as probe:
            port = probe.getsockname()[1]
        yield [stack.enter_context(_bound(host, port, option, shared=True)) for _ in range(count)]


@contextlib.contextmanager
def listen_beside(path: Path) -> Iterator[socket.socket]:
    """A unix socket that listens; one that a killed process has left behind is replaced."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(BACKLOG)
        listener.setblocking(False)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _bound(host: str, port: int, option: str, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_why_not_bound(host, port, option, error)) from None
    return listener


def _why_not_bound(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno != 98:  # EADDRINUSE
        return f"cannot listen on {host} port {port}: {error.strerror}"
    return (
        f"port {port} on {host} is taken{_listener_name(port)}.\n"
        f"Stop that program, or choose another port: lakeserve up {option} {port + 1}"
    )


def _listener_name(port: int) -> str:
    """Who listens on a port, as far as this user may see; empty when unknown."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
            ):
                if connection.pid is None:
                    return " by a process of another user"
                name = " ".join(psutil.Process(connection.pid).cmdline()[:3])
                return f" by process {connection.pid} ({name})"
    except psutil.Error:
        pass
    return ""


def url_of(host: str, port: int, scheme: str = "http") -> str:
    """Where clients on this machine reach a listening address."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{scheme}://{shown}:{port}"
