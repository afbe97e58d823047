"""CPU time of the gateway per request, as a ratio to nginx that forwards the same requests.

Run as ``python benchmarks/gateway/run.py``. It starts a mock upstream, the gateway and, where it is
installed, nginx, and sends each the same bounded number of requests in interleaved turns. What is
measured is the CPU time (user and system) of the gateway's process, which other work on the
machine disturbs far less than the time on the clock.
"""

import asyncio
import contextlib
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httptools
import uvloop
from lakeserve.core.identity import DEVELOPMENT_TOKEN

HERE = Path(__file__).parent
ROUNDS = 5
CONNECTIONS = 16

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 4m; client_body_buffer_size 1m; keepalive_requests 1000000;
  map $http_authorization $known {{ default 0; "Bearer {token}" 1; }}
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      if ($known = 0) {{ return 401; }}
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Load:
    """Requests of one kind.

    Attributes:
        count: In one turn.
    """

    name: str
    path: str
    body: bytes
    count: int

    @property
    def request(self) -> bytes:
        """The request as it goes over the wire."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {DEVELOPMENT_TOKEN}\r\ncontent-length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


def _chat(words: int, **fields: object) -> bytes:
    message = {"role": "user", "content": "word " * words}
    return json.dumps({"messages": [message], "max_tokens": 100, **fields}).encode()


CHAT_PATH = "/serving-endpoints/chat-bench/invocations"
LOADS = (
    Load("chat, 1 KB", CHAT_PATH, _chat(180), 4000),
    Load("chat, 300 KB prompt", CHAT_PATH, _chat(60_000), 400),
    Load("stream, 50 events", CHAT_PATH, _chat(180, stream=True), 160),
    Load(
        "embeddings, 16 x 1024",
        "/serving-endpoints/embed-bench/invocations",
        json.dumps({"input": ["word " * 10] * 16}).encode(),
        400,
    ),
)


@dataclass(frozen=True)
class Contender:
    """A process under measurement."""

    name: str
    port: int
    pid: int

    def cpu_ns(self) -> int:
        """CPU time of all its threads since it started."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


class Client(asyncio.Protocol):
    """Sends requests over one connection, one after the other."""

    def __init__(self, request: bytes, count: int) -> None:
        self.request = request
        self.left = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Read."""
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """That must not happen before the end."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed early"))

    def on_message_complete(self) -> None:
        """Go on, or end."""
        status = self.parser.get_status_code()
        if status != 200 and not self.done.done():
            self.done.set_exception(RuntimeError(f"status {status}"))
            return
        self.left -= 1
        if self.left:
            self.transport.write(self.request)
        else:
            self.done.set_result(None)
            self.transport.close()


async def send(load: Load, port: int, count: int) -> None:
    """Send so many requests over all connections."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(CONNECTIONS):
        _, client = await loop.create_connection(
            lambda: Client(load.request, count // CONNECTIONS), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))


def measure(contenders: list[Contender], load: Load) -> dict[str, float]:
    """CPU microseconds per request, by contender: the median of the turns."""
    turns: dict[str, list[float]] = {one.name: [] for one in contenders}
    for one in contenders:
        asyncio.run(send(load, one.port, max(CONNECTIONS, load.count // 4)))
    for _ in range(ROUNDS):
        for one in contenders:
            before = one.cpu_ns()
            asyncio.run(send(load, one.port, load.count))
            turns[one.name].append((one.cpu_ns() - before) / 1000 / load.count)
    return {name: statistics.median(values) for name, values in turns.items()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


@contextlib.contextmanager
def _process(*command: str) -> Iterator[int]:
    process = subprocess.Popen(command)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _nginx(upstream: int) -> Iterator[list[Contender]]:
    binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if binary is None:
        print("nginx is not installed: no ratios (Debian: apt-get install nginx-light)")
        yield []
        return
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(
            NGINX.format(folder=folder, token=DEVELOPMENT_TOKEN, upstream=upstream, port=port)
        )
        with _process(binary, "-p", folder, "-e", f"{folder}/error.log", "-c", str(config)) as pid:
            _await_port(port)
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            yield [Contender("nginx", port, int(children[0]))]


def main() -> None:
    """Measure and print a table."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    upstream, port = _free_port(), _free_port()
    python = sys.executable
    with (
        _process(python, str(HERE / "mock_upstream.py"), str(upstream)),
        _process(
            python, str(HERE / "serve_gateway.py"), str(port), str(upstream), *sys.argv[1:]
        ) as pid,
        _nginx(upstream) as peers,
    ):
        _await_port(upstream)
        _await_port(port)
        contenders = [Contender("lakeserve", port, pid), *peers]
        print("| CPU microseconds per request | lakeserve | nginx | ratio |")
        print("| --- | ---: | ---: | ---: |")
        for load in LOADS:
            cost = measure(contenders, load)
            ours, floor = cost["lakeserve"], cost.get("nginx")
            rest = "- | - |" if floor is None else f"{floor:.0f} | {ours / floor:.1f} |"
            print(f"| {load.name} | {ours:.0f} | {rest}", flush=True)


if __name__ == "__main__":
    main()
