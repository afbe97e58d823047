"""Workers under load: killed, hung, idle, full. Nothing is measured here; things are waited for."""

import signal
import threading
import time
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

TWICE, LAZY, SMALL = "databricks-twice", "databricks-lazy", "databricks-small"
BROKEN = "databricks-broken"
OTHER = "databricks-dbrx-instruct"

CONFIG = """
[engine]
idle_timeout_s = 1.5
probe_interval_s = 0.3
probe_timeout_s = 0.7
queue = 1

[foundation]
databricks-twice = { model = "demo", replicas = 2 }
databricks-lazy = { model = "demo", scale_to_zero = true }
databricks-small = { model = "demo", concurrency = 1 }
databricks-broken = "BROKEN"
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("life") / "data"


@pytest.fixture(scope="module")
def platform(data_dir: Path) -> Iterator[PlatformProcess]:
    config = data_dir.parent / "lakeserve.toml"
    broken = data_dir.parent / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 64)
    config.write_text(CONFIG.replace("BROKEN", str(broken)))
    running = start_platform(data_dir, "--config", str(config))
    try:
        yield running
    finally:
        running.stop()


def workers_of(platform: PlatformProcess, endpoint: str) -> list[psutil.Process]:
    return [worker for worker in platform.workers() if serves(worker, endpoint)]


def serves(worker: psutil.Process, endpoint: str) -> bool:
    try:
        return any(f'"model_name":"{endpoint}"' in word for word in worker.cmdline())
    except psutil.NoSuchProcess:
        return False


def state(platform: PlatformProcess, endpoint: str) -> tuple[str, str]:
    detail = platform.request("GET", f"/api/2.0/serving-endpoints/{endpoint}").json()
    (entity,) = detail["config"]["served_entities"]
    return detail["state"]["ready"], entity["state"]["deployment_state_message"]


class Load:
    """Threads that ask an endpoint again and again and count the answers."""

    def __init__(self, platform: PlatformProcess, endpoint: str, threads: int) -> None:
        self.answers: Counter[int] = Counter()
        self.texts: set[str] = set()
        self._platform = platform
        self._endpoint = endpoint
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        assert wait_until(lambda: self.answers[200] >= 3)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def answered(self, more: int) -> bool:
        """Whether so many more calls were answered soon."""
        wanted = self.answers[200] + more
        return wait_until(lambda: self.answers[200] >= wanted)

    def _ask(self) -> None:
        while not self._over.is_set():
            reply = self._platform.ask(self._endpoint, "How are you?", max_tokens=30)
            self.answers[reply.status] += 1
            if reply.status != 200:
                self.texts.add(reply.body.decode())


def test_calls_outlive_the_worker_that_had_them(platform: PlatformProcess) -> None:
    """No answer had begun, so each call that a killed worker held is asked once more."""
    assert wait_until(lambda: len(workers_of(platform, TWICE)) == 2)
    with Load(platform, TWICE, 2) as load, Load(platform, OTHER, 1) as others:
        for _ in range(3):
            victim = workers_of(platform, TWICE)[0]
            victim.kill()
            assert load.answered(10)
            assert wait_until(lambda: len(workers_of(platform, TWICE)) == 2)
        assert others.answered(3)
    assert set(load.answers) == {200}, load.texts
    assert set(others.answers) == {200}
    assert wait_until(lambda: state(platform, TWICE) == ("READY", ""))


def test_a_hung_worker_is_replaced_and_its_calls_are_answered(platform: PlatformProcess) -> None:
    assert wait_until(lambda: len(workers_of(platform, TWICE)) == 2)
    with Load(platform, TWICE, 2) as load:
        hung = workers_of(platform, TWICE)[0]
        hung.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: not hung.is_running())
        assert wait_until(lambda: len(workers_of(platform, TWICE)) == 2)
        assert load.answered(10)
    assert set(load.answers) == {200}, load.texts
    assert wait_until(lambda: state(platform, TWICE) == ("READY", ""))


def test_an_idle_worker_ends_and_the_next_call_waits_for_another(
    platform: PlatformProcess,
) -> None:
    for _ in range(2):
        assert platform.ask(LAZY, "How are you?").status == 200
        assert len(workers_of(platform, LAZY)) == 1
        assert wait_until(lambda: not workers_of(platform, LAZY))
        ready, message = state(platform, LAZY)
        assert ready == "READY"
        assert message.startswith("Scaled to zero")
    with Load(platform, LAZY, 3) as load:
        time.sleep(3)  # longer than the idle timeout: busy workers do not sleep
    assert set(load.answers) == {200}, load.texts


def test_a_full_worker_says_when_to_come_again(platform: PlatformProcess) -> None:
    """One call at a time, one that waits: with six callers somebody is turned away."""
    assert wait_until(lambda: state(platform, SMALL)[0] == "READY")
    statuses: Counter[int] = Counter()
    refusals = []

    def ask() -> None:
        reply = platform.ask(SMALL, "Tell me a story", max_tokens=200)
        statuses[reply.status] += 1
        if reply.status == 429:
            refusals.append((reply.json(), reply.headers.get("retry-after")))

    for _ in range(5):
        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if refusals:
            break
    assert set(statuses) == {200, 429}
    body, retry_after = refusals[0]
    assert body["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert "1 wait already" in body["message"]
    assert retry_after == "1"


def test_a_broken_model_says_why(platform: PlatformProcess) -> None:
    assert wait_until(lambda: "GGUF" in state(platform, BROKEN)[1])
    reply = platform.ask(BROKEN, "Hi")
    assert (reply.status, "GGUF" in reply.json()["message"]) == (503, True)
    assert platform.ask(OTHER, "Hi").status == 200


OWN = "under-update"


def test_an_update_loses_no_call(platform: PlatformProcess, data_dir: Path) -> None:
    """A model that was added, updated four times while threads ask all the time."""
    store = ModelStore(data_dir)
    for name in ("first", "second"):
        store.add(name, Path(model_path()), LlamaOptions(context_tokens=512))
    path = "/api/2.0/serving-endpoints"
    created = platform.request("POST", path, {"name": OWN, "config": serving("first")})
    assert created.status == 200, created.body
    assert wait_until(lambda: state(platform, OWN)[0] == "READY")
    with Load(platform, OWN, 3) as load:
        for name in ("second", "first", "second", "first"):
            version = current(platform)["config"]["config_version"]
            updated = platform.request("PUT", f"{path}/{OWN}/config", serving(name))
            assert updated.status == 200, updated.body
            assert wait_until(lambda v=version: current(platform)["config"]["config_version"] > v)  # type: ignore[misc]
            assert load.answered(20)
    assert set(load.answers) == {200}, load.texts
    assert wait_until(lambda: len(workers_of(platform, "first-it-is")) == 1)
    assert wait_until(lambda: not workers_of(platform, "second-it-is"))
    assert platform.request("DELETE", f"{path}/{OWN}").status == 200
    assert wait_until(lambda: not workers_of(platform, "first-it-is"))


def serving(model: str) -> dict[str, Any]:
    return {"served_entities": [{"name": f"{model}-it-is", "entity_name": model}]}


def current(platform: PlatformProcess) -> Any:
    return platform.request("GET", f"/api/2.0/serving-endpoints/{OWN}").json()
