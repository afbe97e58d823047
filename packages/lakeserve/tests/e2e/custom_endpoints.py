"""Endpoints of MLflow models: how tests make them, wait for them and call them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import PlatformProcess, Reply, start_platform, wait_until

API = "/api/2.0/serving-endpoints"
# Importing MLflow takes seconds, and on a busy machine many.
PATIENCE_S = 240


def saved_models(python: str | Path, program: str, directory: Path, **environment: str) -> Path:
    """The models that a program of the folder ``models`` saves, a directory each."""
    saved = subprocess.run(
        [python, Path(__file__).parent / "models" / program, directory],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )
    assert saved.stdout.endswith("saved\n"), saved.stderr[-4000:]
    return directory


@contextmanager
def serving_models(place: Path, config: str) -> Iterator[PlatformProcess]:
    """A platform with this configuration, which keeps everything in ``place``."""
    (place / "lakeserve.toml").write_text(config)
    running = start_platform(place / "data", "--config", str(place / "lakeserve.toml"))
    try:
        yield running
    finally:
        running.stop()


def create(platform: PlatformProcess, name: str, model: Path, **entity: Any) -> None:
    config = {"served_entities": [{"entity_name": str(model), **entity}]}
    reply = platform.request("POST", API, {"name": name, "config": config})
    assert reply.status == 200, reply.body


def endpoint(platform: PlatformProcess, name: str) -> Any:
    return platform.request("GET", f"{API}/{name}").json()


def settled(platform: PlatformProcess, name: str, patience_s: float = PATIENCE_S) -> Any:
    """The endpoint once its deployment has come to an end."""

    def is_over() -> bool:
        return bool(endpoint(platform, name)["state"]["config_update"] != "IN_PROGRESS")

    assert wait_until(is_over, patience_s), endpoint(platform, name)
    return endpoint(platform, name)


def query(platform: PlatformProcess, name: str, body: Any, **headers: str) -> Reply:
    return platform.request("POST", f"/serving-endpoints/{name}/invocations", body, headers)
