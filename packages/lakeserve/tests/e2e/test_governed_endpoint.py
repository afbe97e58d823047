"""An endpoint that falls back and is limited, on a real platform."""

from typing import Any

from harness import PlatformProcess, Reply, wait_until

BASE = "/api/2.0/serving-endpoints"
NAME = "governed"


def entity(name: str, base: str, token: str) -> dict[str, Any]:
    block = {"openai_api_base": base, "openai_api_key_plaintext": token}
    model = {
        "name": "databricks-dbrx-instruct",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": block,
    }
    return {"name": name, "external_model": model}


def ask(platform: PlatformProcess) -> Reply:
    return platform.ask(NAME, "What is MLflow?", max_tokens=5)


def govern(platform: PlatformProcess, **block: object) -> None:
    reply = platform.request("PUT", f"{BASE}/{NAME}/ai-gateway", block)
    assert reply.status == 200, reply.body


def test_fallback_and_limits(platform: PlatformProcess) -> None:
    here = f"{platform.url}/serving-endpoints"
    entities = [
        entity("dead", "http://127.0.0.1:9", "x"),
        entity("spare", here, platform.token),
    ]
    routes = [
        {"served_model_name": "dead", "traffic_percentage": 100},
        {"served_model_name": "spare", "traffic_percentage": 0},
    ]
    config = {"served_entities": entities, "traffic_config": {"routes": routes}}
    created = platform.request("POST", BASE, {"name": NAME, "config": config})
    assert created.status == 200, created.body
    try:
        assert wait_until(lambda: ask(platform).status == 502)  # ready, and dead
        govern(platform, fallback_config={"enabled": True})
        reply = ask(platform)
        assert (reply.status, reply.headers["served-model-name"]) == (200, "spare")
        limit = {"key": "user", "renewal_period": "minute", "calls": 2}
        govern(platform, fallback_config={"enabled": True}, rate_limits=[limit])
        assert [ask(platform).status for _ in range(3)] == [200, 200, 429]
        refused = ask(platform)
        assert refused.json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        govern(platform, fallback_config={"enabled": True})
        assert ask(platform).status == 200
    finally:
        platform.request("DELETE", f"{BASE}/{NAME}")
