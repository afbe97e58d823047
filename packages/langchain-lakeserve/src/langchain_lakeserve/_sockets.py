"""urllib3's connections, made to send each request in one write."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPConnection as PlainConnection
from http.client import HTTPResponse
from typing import Protocol, cast
from urllib.parse import SplitResult, unquote, urlsplit

import urllib3.connection
from urllib3.util import make_headers
from urllib3.util.ssl_ import create_urllib3_context


class HTTPConnection(Protocol):
    """What `_http` needs of a connection."""

    sock: object | None

    @property
    def is_connected(self) -> bool:
        """Whether the other side has neither closed nor said anything."""

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float | None,
    ) -> HTTPResponse:
        """Send a request and read the head of the reply."""

    def set_read_timeout(self, timeout: float | None) -> None:
        """Limit how long a read may wait."""

    def close(self) -> None:
        """Close the connection."""


class _OneWrite(urllib3.connection.HTTPConnection):
    """Sends head and body together: half the system calls, and one packet.

    urllib3 does what is hard (TLS, proxies, addresses); the reply is read by `http.client`,
    whose response object is the cheaper one.
    """

    _held: list[bytes] | None = None
    _prefix = ""
    _extra: Mapping[str, str] | None = None
    _read_timeout: float | None = None

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float | None,
    ) -> HTTPResponse:
        if self.sock is None:
            self.connect()
            self._read_timeout = -1.0
        self.set_read_timeout(timeout)
        self._held = []
        self.putrequest(method, self._prefix + target, skip_accept_encoding=True)
        for name, value in headers.items():
            PlainConnection.putheader(self, name, value)
        for name, value in (self._extra or {}).items():
            PlainConnection.putheader(self, name, value)
        if body is not None:
            PlainConnection.putheader(self, "content-length", str(len(body)))
        self.endheaders()
        head = b"".join(self._held)
        self._held = None
        PlainConnection.send(self, head if body is None else head + body)
        return PlainConnection.getresponse(self)

    def set_read_timeout(self, timeout: float | None) -> None:
        # Each change is a system call, and the rest of a deadline differs at every call.
        now = self._read_timeout
        if now is not None and timeout is not None and abs(now - timeout) < 0.01 * timeout:
            return
        if self.sock is not None and now != timeout:
            self.sock.settimeout(timeout)
            self._read_timeout = timeout

    def send(self, data: object) -> None:
        if self._held is None:
            super().send(cast("bytes", data))
        else:
            self._held.append(cast("bytes", data))


class _OneWriteTLS(_OneWrite, urllib3.connection.HTTPSConnection):
    """The same over TLS."""


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Build the TLS settings once: reading the system's certificates takes milliseconds."""
    context = create_urllib3_context()
    context.load_default_certs()
    return context


def connection(origin: SplitResult, proxy: str | None, timeout: float) -> HTTPConnection:
    """Return a connection to an origin, not yet opened.

    Raises:
        ValueError: The address has no valid port.
    """
    secure = origin.scheme == "https"
    host = origin.hostname or ""
    port = origin.port or (443 if secure else 80)
    through = urlsplit(proxy) if proxy else None
    at, at_port = (through.hostname or "", through.port or 80) if through else (host, port)
    if secure:
        made: _OneWrite = _OneWriteTLS(at, at_port, timeout=timeout, ssl_context=_tls())
    else:
        made = _OneWrite(at, at_port, timeout=timeout)
    if through is not None:
        login = f"{unquote(through.username or '')}:{unquote(through.password or '')}"
        headers = make_headers(proxy_basic_auth=login) if through.username else {}
        if secure:
            made.set_tunnel(host, port, headers)
        else:
            made._prefix = f"http://{origin.netloc}"
            made._extra = headers
    return made
