"""``lakeserve up --gateway-workers`` and ``lakeserve gateway``, as operators run them."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from databases import Database
from e2e.streams import open_stream
from harness import PlatformProcess, start_platform, wait_until

CHAT = "databricks-dbrx-instruct"
ON_DEMAND = "databricks-llama-4-maverick"
QUESTION = "What is MLflow?"
BASE = "/api/2.0/serving-endpoints"


@pytest.fixture
def many(tmp_path: Path) -> Iterator[PlatformProcess]:
    """A platform with two gateway processes."""
    running = start_platform(tmp_path / "data", "--gateway-workers", "2")
    try:
        yield running
    finally:
        running.stop()


def gateways(platform: PlatformProcess) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(platform.process.pid).children():
        with suppress(psutil.NoSuchProcess):
            if "lakeserve.app.gateway_process" in child.cmdline():
                found.append(child)
    return found


def external(base_url: str, key: str) -> dict[str, object]:
    block = {"openai_api_key_plaintext": key, "openai_api_base": f"{base_url}/serving-endpoints"}
    model = {"name": CHAT, "provider": "openai", "task": "llm/v1/chat", "openai_config": block}
    return {"served_entities": [{"name": "passed", "external_model": model}]}


def test_what_is_changed_counts_at_once_on_every_connection(many: PlatformProcess) -> None:
    administrator = many.token
    for number in range(5):
        made = many.request("POST", "/api/2.0/token/create", {"comment": str(number)})
        assert made.status == 200
        body = {"name": f"e{number}", "config": external(many.url, administrator)}
        assert many.request("POST", BASE, body).status == 200
        many.token = made.json()["token_value"]
        # Each request has a connection of its own, to either process.
        assert [many.ask(CHAT, QUESTION).status for _ in range(4)] == [200] * 4
        many.token = administrator
        assert wait_until(
            lambda number=number: (
                [many.ask(f"e{number}", QUESTION).status for _ in range(4)]  # type: ignore[misc]
                == [200] * 4
            )
        )
        token_id = made.json()["token_info"]["token_id"]
        assert many.request("POST", "/api/2.0/token/delete", {"token_id": token_id}).status == 200
        many.token = made.json()["token_value"]
        assert [many.ask(CHAT, QUESTION).status for _ in range(4)] == [403] * 4
        many.token = administrator


def test_limits_are_counted_together(many: PlatformProcess) -> None:
    body = {"name": "limited", "config": external(many.url, many.token)}
    assert many.request("POST", BASE, body).status == 200
    limit = {"key": "endpoint", "calls": 20, "renewal_period": "minute"}
    wanted = {"rate_limits": [limit]}
    assert many.request("PUT", f"{BASE}/limited/ai-gateway", wanted).status == 200
    assert wait_until(lambda: many.ask("limited", QUESTION).status == 200)
    with ThreadPoolExecutor(4) as callers:  # each call has a connection of its own
        replies = list(callers.map(lambda _: many.ask("limited", QUESTION), range(60)))
    assert Counter(reply.status for reply in replies) == {200: 19, 429: 41}

    victim = gateways(many)[0]
    victim.kill()
    assert wait_until(lambda: len(gateways(many)) == 2 and victim not in gateways(many))
    assert [many.ask("limited", QUESTION).status for _ in range(6)] == [429] * 6
    reasons = r'lakeserve_refused_calls_total\{endpoint="limited",reason="rate_limit_calls"\} (\S+)'

    def counted() -> float:
        found = re.search(reasons, many.request("GET", "/metrics").body.decode())
        return float(found[1]) if found else 0.0

    assert wait_until(lambda: counted() == 47)


def test_an_on_demand_worker_starts_for_a_call_of_any_process(many: PlatformProcess) -> None:
    before = len(many.workers())
    assert [many.ask(ON_DEMAND, QUESTION).status for _ in range(4)] == [200] * 4
    assert len(many.workers()) == before + 1


def test_a_signal_drains_them_and_leaves_nobody(tmp_path: Path) -> None:
    platform = start_platform(tmp_path / "data", "--gateway-workers", "2")
    everybody = platform.workers()
    assert len(gateways(platform)) == 2
    with open_stream(platform, CHAT) as stream:
        rest = bytearray(stream.recv(65536))
        platform.process.send_signal(signal.SIGTERM)
        while block := stream.recv(65536):
            rest += block
    assert b"data: [DONE]" in rest
    assert platform.stop() == 0
    assert not any(process.is_running() for process in everybody)


def test_they_go_with_a_platform_that_is_killed(many: PlatformProcess) -> None:
    everybody = many.workers()
    many.process.kill()
    assert wait_until(lambda: not any(process.is_running() for process in everybody))


def test_gateways_elsewhere_share_a_postgresql_database(
    tmp_path: Path, new_postgres: Callable[[], Database]
) -> None:
    database = str(new_postgres().place)
    platform = start_platform(tmp_path / "data", "--database-url", database)
    keys = (tmp_path / "data" / "secrets.key").read_text().splitlines()[-1]
    try:
        body = {"name": "passed", "config": external(platform.url, platform.token)}
        assert platform.request("POST", BASE, body).status == 200
        options = ("--database-url", database, "--control-url", platform.url)
        with gateway_beside(tmp_path / "elsewhere", keys, *options) as url:
            gateway = PlatformProcess(platform.process, url, "")
            assert wait_until(lambda: gateway.ask("passed", QUESTION).status == 200)
            assert gateway.request("GET", f"{BASE}/passed").json()["name"] == "passed"
            made = gateway.request("POST", "/api/2.0/token/create", {"comment": "there"}).json()
            gateway.token = made["token_value"]
            assert wait_until(lambda: gateway.ask("passed", QUESTION).status == 200)
            there = gateway.ask(CHAT, QUESTION)
            assert there.status == 503
            assert "on another machine" in there.json()["message"]
    finally:
        assert platform.stop() == 0


@contextmanager
def gateway_beside(data_dir: Path, keys: str, *options: str) -> Iterator[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LAKESERVE_")}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "lakeserve.cli", "gateway", "--port", "0"),
            *("--data-dir", str(data_dir), *options),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "LAKESERVE_SECRET_KEYS": keys},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found is not None, line
        yield found[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
