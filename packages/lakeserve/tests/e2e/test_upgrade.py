"""A data directory that an earlier release has written, under this one."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from databases import Database
from harness import PlatformProcess, start_platform, wait_until
from lakeserve.control.secrets.keys import write_key_file
from released_schemas import ANNAS_TOKEN, SEALED, SECRET, Release, revisions

BASE = "/api/2.0/serving-endpoints"


class _Upstream(BaseHTTPRequestHandler):
    """Answers a chat with the key that it was given."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        key = self.headers["authorization"].removeprefix("Bearer ")
        message = {"role": "assistant", "content": key}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        body = json.dumps({"object": "chat.completion", "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def answer(platform: PlatformProcess, entity: str) -> str:
    body = {"messages": [{"role": "user", "content": "Which key?"}]}
    path = f"/serving-endpoints/external/served-models/{entity}/invocations"
    reply = platform.request("POST", path, body)
    assert reply.status == 200, reply.body
    text = reply.json()["choices"][0]["message"]["content"]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("revision", ["0004", revisions()[-2]])
def test_a_data_directory_of_an_earlier_release(
    tmp_path: Path, upstream: str, revision: str
) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    release = Release(Database("sqlite", data_dir / "lakeserve.db"), upstream)
    release.build(revision)
    write_key_file(data_dir / "secrets.key", release.keys.keys)

    platform = start_platform(data_dir)
    try:
        shown = platform.request("GET", f"{BASE}/external").json()
        assert shown["state"]["ready"] == "READY"
        assert shown["tags"] == [{"key": "team", "value": "a"}]
        assert platform.ask("databricks-dbrx-instruct", "What is MLflow?").status == 200
        assert [answer(platform, f"entity-{number}") for number in (0, 1)] == [SECRET, SEALED]
        # A user of then, with her token and what her group may do.
        platform.token = ANNAS_TOKEN
        assert answer(platform, "entity-0") == SECRET
        assert platform.request("GET", f"{BASE}/local").status == 404
        assert wait_until(lambda: platform.ask("external", "Which key?").status == 200)
    finally:
        assert platform.stop() == 0
