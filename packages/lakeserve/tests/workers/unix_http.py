"""HTTP over a unix socket, blocking, for tests that look at bytes."""

import http.client
import json
import socket
from typing import Any


class UnixConnection(http.client.HTTPConnection):
    """One connection to a worker."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self._path)


def send(path: str, target: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
    """Status and body of one request; GET without a body, POST with one."""
    connection = UnixConnection(path)
    try:
        if body is None:
            connection.request("GET", target)
        else:
            headers = {"content-type": "application/json"}
            connection.request("POST", target, json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()
