from __future__ import annotations

from collections.abc import Iterator

import pytest
from strict_endpoint.server import StubServer


@pytest.fixture(scope="module")
def running_server() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


@pytest.fixture
def server(running_server: StubServer) -> StubServer:
    """A strict endpoint on loopback, with nothing scripted and nothing recorded."""
    running_server.requests.clear()
    running_server.scripts.clear()
    running_server.tasks.clear()
    running_server.latency = 0.0
    return running_server


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
