"""Usage on a platform as people start it: cache, tables, metrics, money, and a kill in between."""

import json
import signal
from pathlib import Path

import orjson
import pytest
from deltalake import DeltaTable
from harness import PlatformProcess, Reply, start_platform, wait_until

ENDPOINTS = "/api/2.0/serving-endpoints"
NAME = "paid"
SETTINGS = """
log_format = "json"

[prices]
currency = "EUR"

[prices.models]
"openai/databricks-dbrx-instruct" = { input = 1000.0, output = 1000.0 }
"""
GATEWAY = {
    "inference_table_config": {"enabled": True, "catalog_name": "main", "schema_name": "ml"},
    "lakeserve": {"budgets": [{"amount": 0.0001, "period": "month"}], "cache": {"ttl_s": 600}},
}


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "lakeserve.toml"
    path.write_text(SETTINGS)
    return path


def create(platform: PlatformProcess) -> None:
    model = {
        "name": "databricks-dbrx-instruct",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {
            "openai_api_key_plaintext": platform.token,
            "openai_api_base": f"{platform.url}/serving-endpoints",
        },
    }
    config = {"served_entities": [{"name": "demo", "external_model": model}]}
    body = {"name": NAME, "config": config, "ai_gateway": {"lakeserve": {"cache": {"ttl_s": 600}}}}
    assert platform.request("POST", ENDPOINTS, body).status == 200

    def is_ready() -> bool:
        found = platform.request("GET", f"{ENDPOINTS}/{NAME}").json()
        return bool(found["state"]["ready"] == "READY")

    assert wait_until(is_ready)


def usage(platform: PlatformProcess) -> dict[str, float]:
    reply = platform.request("GET", "/api/2.0/lakeserve/usage").json()
    assert reply["currency"] == "EUR"
    found = [row for row in reply["usage"] if row.pop("endpoint") == NAME]
    return found[0] if found else {"calls": 0}


def is_spent(reply: Reply) -> bool:
    return reply.status == 429 and "EUR per month, is spent" in reply.json()["message"]


def check_cache(platform: PlatformProcess) -> None:
    first, again = (platform.ask(NAME, "What is MLflow?") for _ in range(2))
    assert first.headers["x-lakeserve-cache"] == "miss"
    assert again.headers["x-lakeserve-cache"] == "hit"
    assert again.body == first.body
    assert "total;dur=" in first.headers["server-timing"]


def check_table(data_dir: Path, kept: Reply) -> None:
    place = str(data_dir / f"tables/main/ml/{NAME}_payload")
    # Usage and payloads go into their tables one after the other.
    assert wait_until(lambda: DeltaTable.is_deltatable(place))
    rows = DeltaTable(place).to_pyarrow_table().to_pylist()
    (row,) = [each for each in rows if each["client_request_id"] == "mine"]
    assert row["databricks_request_id"] == kept.headers["x-databricks-request-id"]
    assert orjson.loads(row["response"]) == kept.json()


def check_metrics(platform: PlatformProcess) -> None:
    exported = platform.request("GET", f"{ENDPOINTS}/{NAME}/metrics").body.decode()
    assert "request_count_total{endpoint_id=" in exported
    scraped = platform.request("GET", "/metrics").body.decode()
    assert f'lakeserve_cost_total{{currency="EUR",endpoint="{NAME}",entity="demo"}}' in scraped
    assert "lakeserve_gateway_in_flight" in scraped


def test_from_the_first_call_to_the_last_cent(tmp_path: Path, settings_file: Path) -> None:
    data_dir = tmp_path / "data"
    options = ("--config", str(settings_file))
    platform = start_platform(data_dir, *options)
    try:
        create(platform)
        check_cache(platform)
        governed = platform.request("PUT", f"{ENDPOINTS}/{NAME}/ai-gateway", GATEWAY)
        assert governed.status == 200, governed.body
        kept = platform.ask(NAME, "What is Spark?", client_request_id="mine")
        assert kept.status == 200
        assert wait_until(lambda: is_spent(platform.ask(NAME, "What is Delta?")))
        assert wait_until(lambda: usage(platform)["calls"] >= 4)
        used = usage(platform)
        assert used["cached_calls"] >= 1
        assert used["cost"] > 0.001
        check_table(data_dir, kept)
        check_metrics(platform)
    finally:
        platform.stop(signal.SIGKILL)

    platform = start_platform(data_dir, *options, port=int(platform.url.rpartition(":")[2]))
    try:
        assert usage(platform)["calls"] >= used["calls"]
        assert is_spent(platform.ask(NAME, "What is Delta?"))
    finally:
        assert platform.stop() == 0
    lines = (tmp_path / "data.stderr").read_text().splitlines()
    for line in [json.loads(each) for each in lines if each.startswith("{")]:
        assert {"time", "level", "logger", "message"} <= line.keys()
