"""What happens to stored secrets when the master key changes or is lost."""

import base64
import subprocess
import sys
from pathlib import Path

from harness import PlatformProcess, start_platform

# Nothing has to load a model for these tests.
NO_MODELS = tuple(
    f"--foundation={name}=http://127.0.0.1:1/v1"
    for name in (
        "databricks-dbrx-instruct",
        "databricks-meta-llama-3-70b-instruct",
        "databricks-bge-large-en",
    )
)
SECRET = {"scope": "scope", "key": "key"}


def lakeserve(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lakeserve.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def value(platform: PlatformProcess) -> bytes:
    reply = platform.request("GET", "/api/2.0/secrets/get?scope=scope&key=key")
    assert reply.status == 200, reply.body
    return base64.b64decode(reply.json()["value"])


def test_rotation_and_loss(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    platform = start_platform(data_dir, *NO_MODELS)
    try:
        platform.request("POST", "/api/2.0/secrets/scopes/create", {"scope": "scope"})
        put = {**SECRET, "string_value": "sk-the-secret"}
        assert platform.request("POST", "/api/2.0/secrets/put", put).status == 200
        running = lakeserve("secrets", "rotate-key", "--data-dir", str(data_dir))
        assert running.returncode == 1
        assert platform.url in running.stderr
    finally:
        platform.stop()

    done = lakeserve("secrets", "rotate-key", "--data-dir", str(data_dir))
    assert done.returncode == 0, done.stderr
    key_id = done.stdout.split()[-1]
    again = start_platform(data_dir, *NO_MODELS)
    try:
        assert value(again) == b"sk-the-secret"
    finally:
        again.stop()

    for file in data_dir.iterdir():
        if file.is_file():
            assert b"sk-the-secret" not in file.read_bytes(), file
    (data_dir / "secrets.key").rename(tmp_path / "copy.key")
    refused = lakeserve("up", "--port", "0", "--data-dir", str(data_dir), *NO_MODELS)
    assert refused.returncode == 1
    assert key_id in refused.stderr
    assert "Traceback" not in refused.stderr

    (tmp_path / "copy.key").rename(data_dir / "secrets.key")
    restored = start_platform(data_dir, *NO_MODELS)
    try:
        assert value(restored) == b"sk-the-secret"
    finally:
        restored.stop()
