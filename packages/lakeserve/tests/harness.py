"""A platform as a person starts it, ``lakeserve up`` in a process of its own, for tests."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psutil
from lakeserve.core.identity import DEVELOPMENT_TOKEN

CLUSTER = "0000-000000-example"
STOP_TIMEOUT_S = 30
PATIENCE_S = 30


@dataclass
class Reply:
    """One HTTP reply: status, headers with lower-case names, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


class PlatformProcess:
    """A ``lakeserve up`` process and how to talk to it."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, banner: str) -> None:
        self.process = process
        self.url = url
        self.banner = banner
        self.token = DEVELOPMENT_TOKEN

    @property
    def tls_url(self) -> str:
        """Where it serves https, if it was started so."""
        found = re.search(r"https://\S+", self.banner)
        assert found is not None, self.banner
        return found[0]

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABRICKS_HOST": self.url, "DATABRICKS_TOKEN": self.token}

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Reply:
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(
            self.url + path, data=data, method=method, headers=given | dict(headers or {})
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return Reply(reply.status, _lower(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, _lower(error.headers), error.read())

    def ask(self, endpoint: str, question: str, **fields: object) -> Reply:
        message = {"role": "user", "content": question}
        body = {"messages": [message], "temperature": 0, **fields}
        return self.request("POST", f"/serving-endpoints/{endpoint}/invocations", body)

    def workers(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        finally:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def wait_until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Whether a condition came true in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def start_platform(
    data_dir: Path, *options: str, port: int = 0, python: str | None = None
) -> PlatformProcess:
    """Start ``lakeserve up``, by another Python if need be, and wait for its banner."""
    log_path = data_dir.parent / f"{data_dir.name}.stderr"
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [
                *(python or sys.executable, "-m", "lakeserve.cli", "up", "--port", str(port)),
                *("--data-dir", str(data_dir), "--cluster", f"{CLUSTER}=127.0.0.1", *options),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("LAKESERVE_")},
        )
    banner = _read_banner(process)
    match = re.search(r"http://\S+", banner)
    if match is None:
        process.kill()
        process.wait()
        raise AssertionError(log_path.read_text())
    return PlatformProcess(process, match[0], banner)


def _read_banner(process: "subprocess.Popen[str]") -> str:
    """Read standard output up to the banner's end: an unfinished JSON line of its curl example."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.lstrip().startswith("-d "):
            break
    return "".join(lines)
