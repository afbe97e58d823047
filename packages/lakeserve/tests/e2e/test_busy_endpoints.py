"""Endpoints that get more workers, fewer, or others while they are called: no call is lost."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from harness import PlatformProcess, start_platform, wait_until
from lakeserve.workers.llama import LlamaOptions
from lakeserve.workers.model_store import ModelStore
from lakeserve_demo_model import model_path
from steady_calls import SteadyCalls

GROWING, UPDATED = "databricks-growing", "updated"
API = "/api/2.0/serving-endpoints"
PER_SECOND = 50
PATIENCE_S = 120

# Calls may wait in any number: how many were sent meanwhile is the machine's business.
CONFIG = """
[engine]
probe_interval_s = 0.3
queue = 100000

[autoscaling]
look_back_s = 1
upscale_delay_s = 1
downscale_delay_s = 3
max_replicas = 2

[foundation]
databricks-growing = { model = "demo", concurrency = 4, max_replicas = 2 }
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("busy") / "data"


@pytest.fixture(scope="module", params=[(), ("--gateway-workers", "2")], ids=["one", "gateways"])
def platform(data_dir: Path, request: pytest.FixtureRequest) -> Iterator[PlatformProcess]:
    config = data_dir.parent / "lakeserve.toml"
    config.write_text(CONFIG)
    running = start_platform(data_dir, "--config", str(config), *request.param)
    try:
        yield running
    finally:
        running.stop()


class Callers:
    """Threads that ask ``GROWING`` one call after the other."""

    def __init__(self, platform: PlatformProcess, count: int) -> None:
        self.answers: Counter[int] = Counter()
        self.told: set[str] = set()
        self._platform = platform
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            reply = self._platform.ask(GROWING, "Tell me a story", max_tokens=60)
            self.answers[reply.status] += 1
            if reply.status != 200:
                self.told.add(reply.body.decode())


def workers_of(platform: PlatformProcess, entity: str) -> list[psutil.Process]:
    return [worker for worker in platform.workers() if _serves(worker, entity)]


def _serves(worker: psutil.Process, entity: str) -> bool:
    try:
        return any(f'"model_name":"{entity}"' in word for word in worker.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def test_a_second_worker_comes_with_the_calls_and_goes_with_them(
    platform: PlatformProcess,
) -> None:
    (first,) = workers_of(platform, GROWING)
    with Callers(platform, 1) as few:
        with Callers(platform, 5) as many:
            assert wait_until(lambda: len(workers_of(platform, GROWING)) == 2, PATIENCE_S)
            before = many.answers[200]
            assert wait_until(lambda: many.answers[200] >= before + 20, PATIENCE_S)
        assert wait_until(lambda: workers_of(platform, GROWING) == [first], PATIENCE_S)
        before = few.answers[200]
        assert wait_until(lambda: few.answers[200] >= before + 3, PATIENCE_S)
    assert set(many.answers) == {200}, many.told
    assert set(few.answers) == {200}, few.told


def test_an_update_under_steady_calls_loses_none(platform: PlatformProcess, data_dir: Path) -> None:
    store = ModelStore(data_dir)
    for name in ("old", "new"):
        if store.get(name) is None:
            store.add(name, Path(model_path()), LlamaOptions(context_tokens=512))
    created = platform.request("POST", API, {"name": UPDATED, "config": config("old")})
    assert created.status == 200, created.body
    assert wait_until(lambda: current(platform)["state"]["ready"] == "READY", PATIENCE_S)
    with SteadyCalls(platform, UPDATED, PER_SECOND) as calls:
        updated = platform.request("PUT", f"{API}/{UPDATED}/config", config("new"))
        assert updated.status == 200, updated.body
        assert calls.answered("new", 100)
        # The old worker answers what was on its way to it, and ends.
        assert wait_until(lambda: not workers_of(platform, "old"), PATIENCE_S)
        assert calls.answered("new", 50)
    assert not calls.failures
    assert set(calls.answers) == {"old", "new"}
    assert platform.request("DELETE", f"{API}/{UPDATED}").status == 200


def config(model: str) -> dict[str, Any]:
    return {"served_entities": [{"name": model, "entity_name": model}]}


def current(platform: PlatformProcess) -> Any:
    return platform.request("GET", f"{API}/{UPDATED}").json()
