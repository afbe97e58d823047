"""A streamed answer, read from its socket."""

import json
import socket

from harness import PlatformProcess


def open_stream(platform: PlatformProcess, endpoint: str) -> socket.socket:
    """Ask an endpoint for a long answer; the caller reads and closes."""
    host, port = platform.url.removeprefix("http://").split(":")
    message = {"role": "user", "content": "Tell me a long story"}
    payload = json.dumps({"messages": [message], "stream": True}).encode()
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(
        f"POST /serving-endpoints/{endpoint}/invocations HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {platform.token}\r\nConnection: close\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n".encode()
        + payload
    )
    return connection
