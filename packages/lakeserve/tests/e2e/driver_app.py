"""An app as people run it on a driver, on a free port of the range that the proxy serves."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FIRST_PORT, LAST_PORT = 3000, 8000


class _App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = json.dumps(f"You said: {body['prompt']}").encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def driver_app() -> Iterator[int]:
    """The port of an app that repeats what it is told."""
    server = _listening()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listening() -> ThreadingHTTPServer:
    for port in range(FIRST_PORT + 1000, LAST_PORT):
        with suppress(OSError):
            return ThreadingHTTPServer(("127.0.0.1", port), _App)
    raise AssertionError("no free port in the range")
