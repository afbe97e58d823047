"""The platform with its workers on a real Ray of two nodes on this machine.

The platform and the cluster run in an environment of their own, which ``RAY_PYTHON`` names.
"""

import os
import subprocess
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
from steady_calls import SteadyCalls

RAY_PYTHON = os.environ.get("RAY_PYTHON")
TWICE, LAZY, GROWING = "databricks-twice", "databricks-lazy", "databricks-growing"
UPDATED = "updated"
PER_SECOND = 50
PATIENCE_S = 240

pytestmark = [
    pytest.mark.skipif(RAY_PYTHON is None, reason="RAY_PYTHON names no Python with lakeserve[ray]"),
    pytest.mark.timeout(600),
]

CONFIG = """
[engine]
idle_timeout_s = 2
probe_interval_s = 0.5
start_timeout_s = 120
queue = 100000

[autoscaling]
look_back_s = 1
upscale_delay_s = 1
downscale_delay_s = 3

[foundation]
databricks-growing = { model = "demo", concurrency = 4, max_replicas = 2 }
databricks-twice = { model = "demo", replicas = 2 }
databricks-lazy = { model = "demo", scale_to_zero = true }
databricks-dbrx-instruct = { model = "demo", scale_to_zero = true }
databricks-meta-llama-3-70b-instruct = { model = "demo", scale_to_zero = true }
databricks-bge-large-en = { model = "minilm", scale_to_zero = true }
"""


class RayCluster:
    """The process that holds the cluster."""

    def __init__(self) -> None:
        assert RAY_PYTHON is not None
        self.process = subprocess.Popen(
            [RAY_PYTHON, str(Path(__file__).parent / "clients" / "ray_cluster.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = self._line()

    def order(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self._line() == "done"

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        children = []
        if self.process.poll() is None:
            children = psutil.Process(self.process.pid).children(recursive=True)
        try:
            self.process.wait(60)
        finally:
            for child in children:
                if child.is_running():
                    child.kill()
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def workers(self, endpoint: str) -> list[psutil.Process]:
        """The programs of an endpoint on all nodes."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in found if _serves(process, endpoint)]

    def listeners(self) -> set[str]:
        """The addresses that the cluster's processes listen on."""
        return {
            connection.laddr.ip
            for process in psutil.Process(self.process.pid).children(recursive=True)
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }


def _serves(process: psutil.Process, endpoint: str) -> bool:
    try:
        return any(f'"model_name":"{endpoint}"' in word for word in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    running = RayCluster()
    if not running.address:
        # A node gives its own agent fifteen seconds to start, which a busy machine may exceed.
        running.close()
        running = RayCluster()
    try:
        if not running.address:
            pytest.skip("Ray's own processes did not start on this machine within Ray's deadline")
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ray") / "data"


@pytest.fixture(scope="module")
def platform(cluster: RayCluster, data_dir: Path) -> Iterator[PlatformProcess]:
    config = data_dir.parent / "lakeserve.toml"
    config.write_text(CONFIG)
    options = ("--config", str(config), "--runner", "ray", "--ray-address", cluster.address)
    running = start_platform(data_dir, *options, python=RAY_PYTHON)
    try:
        assert wait_until(lambda: serving(running) == "", PATIENCE_S), serving(running)
        yield running
    finally:
        running.stop()


def serving(platform: PlatformProcess) -> str:
    """Why not all replicas of ``TWICE`` serve; empty when they do."""
    detail = platform.request("GET", f"/api/2.0/serving-endpoints/{TWICE}").json()
    (entity,) = detail["config"]["served_entities"]
    state = entity["state"]
    message: str = state["deployment_state_message"]
    return message or ("" if state["deployment"] == "DEPLOYMENT_READY" else state["deployment"])


class Load:
    """Threads that ask an endpoint again and again, and what they were told."""

    def __init__(
        self, platform: PlatformProcess, endpoint: str = TWICE, threads: int = 3, tokens: int = 20
    ) -> None:
        self.answers: Counter[int] = Counter()
        self.told: set[str] = set()
        self._platform = platform
        self._endpoint = endpoint
        self._tokens = tokens
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        assert wait_until(lambda: self.answers[200] >= 5)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            reply = self._platform.ask(self._endpoint, "How are you?", max_tokens=self._tokens)
            self.answers[reply.status] += 1
            if reply.status != 200:
                self.told.add(reply.body.decode())
            time.sleep(0.02)

    def only_lost_what_was_held(self) -> None:
        """Three callers, so three calls at most; each was told so."""
        assert set(self.answers) <= {200, 503}, self.answers
        assert self.answers[503] <= 3, self.told
        assert all("TEMPORARILY_UNAVAILABLE" in text for text in self.told)


def test_replicas_answer_from_the_cluster(platform: PlatformProcess, cluster: RayCluster) -> None:
    reply = platform.ask(TWICE, "How are you?", max_tokens=20)
    assert (reply.status, reply.json()["model"]) == (200, TWICE)
    assert len(cluster.workers(TWICE)) == 2
    assert not [each for each in platform.workers() if _serves(each, TWICE)]
    assert cluster.listeners() <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_strangers_cannot_call_a_worker(platform: PlatformProcess, cluster: RayCluster) -> None:
    worker = cluster.workers(TWICE)[0]
    port = next(
        connection.laddr.port
        for connection in worker.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    )
    stranger = PlatformProcess(platform.process, f"http://127.0.0.1:{port}", "")
    body = {"messages": [{"role": "user", "content": "How are you?"}], "max_tokens": 5}
    reply = stranger.request("POST", "/v1/chat/completions", body)
    assert (reply.status, reply.json()["error"]["code"]) == (401, "no_token")
    assert stranger.request("GET", "/health").status == 200


def test_a_worker_starts_with_its_call_and_ends_when_idle(
    platform: PlatformProcess, cluster: RayCluster
) -> None:
    body = {"messages": [{"role": "user", "content": "How are you?"}], "max_tokens": 5}
    path = f"/serving-endpoints/{LAZY}/invocations"
    reply = platform.request("POST", path, body, timeout=PATIENCE_S)
    assert reply.status == 200, reply.body
    assert wait_until(lambda: not cluster.workers(LAZY), PATIENCE_S)


def test_replicas_follow_the_calls(platform: PlatformProcess, cluster: RayCluster) -> None:
    assert wait_until(lambda: len(cluster.workers(GROWING)) == 1, PATIENCE_S)
    (first,) = cluster.workers(GROWING)
    with Load(platform, GROWING, 1, tokens=60) as few:
        with Load(platform, GROWING, 5, tokens=60) as many:
            assert wait_until(lambda: len(cluster.workers(GROWING)) == 2, PATIENCE_S)
            before = many.answers[200]
            assert wait_until(lambda: many.answers[200] >= before + 20, PATIENCE_S)
        assert wait_until(lambda: cluster.workers(GROWING) == [first], PATIENCE_S)
    assert set(many.answers) == {200}, many.told
    assert set(few.answers) == {200}, few.told


def test_an_update_under_steady_calls_loses_none(
    platform: PlatformProcess, cluster: RayCluster, data_dir: Path
) -> None:
    store = ModelStore(data_dir)
    for name in ("old", "new"):
        store.add(name, Path(model_path()), LlamaOptions(context_tokens=512))
    path = "/api/2.0/serving-endpoints"

    def config(model: str) -> dict[str, Any]:
        return {"served_entities": [{"name": model, "entity_name": model}]}

    def is_ready() -> bool:
        state = platform.request("GET", f"{path}/{UPDATED}").json()["state"]
        return bool(state["ready"] == "READY")

    created = platform.request("POST", path, {"name": UPDATED, "config": config("old")})
    assert created.status == 200, created.body
    assert wait_until(is_ready, PATIENCE_S)
    with SteadyCalls(platform, UPDATED, PER_SECOND) as calls:
        updated = platform.request("PUT", f"{path}/{UPDATED}/config", config("new"))
        assert updated.status == 200, updated.body
        assert calls.answered("new", 100)
        assert wait_until(lambda: not cluster.workers("old"), PATIENCE_S)
        assert calls.answered("new", 50)
    assert not calls.failures
    assert set(calls.answers) == {"old", "new"}
    assert platform.request("DELETE", f"{path}/{UPDATED}").status == 200


def test_a_killed_replica_loses_at_most_what_it_held(
    platform: PlatformProcess, cluster: RayCluster
) -> None:
    victim = cluster.workers(TWICE)[0]
    actor = victim.parent()
    assert actor is not None
    with Load(platform) as load:
        actor.kill()
        assert wait_until(lambda: not victim.is_running(), PATIENCE_S)
        assert wait_until(lambda: len(cluster.workers(TWICE)) == 2, PATIENCE_S)
        assert wait_until(lambda: serving(platform) == "", PATIENCE_S), serving(platform)
    load.only_lost_what_was_held()


def test_a_killed_node_loses_at_most_what_it_held(
    platform: PlatformProcess, cluster: RayCluster
) -> None:
    with Load(platform) as load:
        cluster.order("kill-node")
        assert wait_until(lambda: serving(platform) == "", PATIENCE_S), serving(platform)
        assert wait_until(lambda: len(cluster.workers(TWICE)) == 2, PATIENCE_S)
    load.only_lost_what_was_held()


def test_an_end_of_the_platform_frees_the_cluster(
    platform: PlatformProcess, cluster: RayCluster
) -> None:
    platform.stop()  # its status is Ray's, which now and then aborts its driver at the very end
    assert wait_until(lambda: not cluster.workers(TWICE), PATIENCE_S)
