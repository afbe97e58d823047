from dataclasses import replace
from typing import Any

import httpx
import pytest
from lakeserve.control.endpoints.catalogue import CATALOGUE
from lakeserve.control.endpoints.routes import BASE
from lakeserve.core.endpoints import EntityState
from lakeserve.core.ids import stable_object_id
from lakeserve.storage.database import Storage

DBRX = "databricks-dbrx-instruct"

ENTITY: dict[str, Any] = {
    "name": "gpt",
    "external_model": {
        "name": "gpt-4",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
    },
}
CONFIG = {"served_entities": [ENTITY]}
CHANGES: list[tuple[str, str, Any]] = [
    ("DELETE", "", None),
    ("PUT", "/config", CONFIG),
    ("PUT", "/rate-limits", {}),
    ("PUT", "/ai-gateway", {}),
    ("PATCH", "/tags", {}),
    ("PATCH", "/notifications", {}),
    ("PATCH", "/telemetry-config", {}),
]


@pytest.mark.parametrize("path", [BASE, BASE + "/"])
async def test_the_list_holds_the_catalogue(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(path)
    assert reply.status_code == 200
    names = [endpoint["name"] for endpoint in reply.json()["endpoints"]]
    assert names == sorted(entry.name for entry in CATALOGUE)


@pytest.mark.parametrize("path", [f"{BASE}/{DBRX}", f"{BASE}/{DBRX}/"])
async def test_get_shows_what_was_seen(client: httpx.AsyncClient, path: str, states: Any) -> None:
    entity_id = stable_object_id("foundation", DBRX, "entity")
    states.seen[entity_id] = EntityState("DEPLOYMENT_FAILED", "no memory")

    shown = (await client.get(path)).json()

    assert shown["state"] == {"ready": "NOT_READY", "config_update": "UPDATE_FAILED"}
    assert shown["config"]["served_entities"][0]["state"] == {
        "deployment": "DEPLOYMENT_FAILED",
        "deployment_state_message": "no memory",
    }
    assert (shown["permission_level"], shown["creator"]) == ("CAN_QUERY", "System-User")


@pytest.mark.parametrize(("method", "suffix", "body"), CHANGES)
async def test_built_in_endpoints_cannot_be_changed(
    client: httpx.AsyncClient, method: str, suffix: str, body: Any
) -> None:
    reply = await client.request(method, f"{BASE}/{DBRX}{suffix}", json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert f"'{DBRX}' is a built-in" in reply.json()["message"]


@pytest.mark.parametrize(
    ("method", "suffix", "body"), [*CHANGES, ("GET", "", None), ("GET", "/openapi", None)]
)
async def test_an_endpoint_that_does_not_exist(
    client: httpx.AsyncClient, method: str, suffix: str, body: Any
) -> None:
    reply = await client.request(method, f"{BASE}/nothing{suffix}", json=body)
    assert reply.status_code == 404
    assert reply.json() == {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": "Endpoint with name 'nothing' does not exist.",
    }


@pytest.mark.parametrize("path", [BASE, f"{BASE}/{DBRX}", f"{BASE}/nothing"])
async def test_nobody_reads_without_a_token(stranger: httpx.AsyncClient, path: str) -> None:
    reply = await stranger.get(path)
    assert (reply.status_code, reply.json()["error_code"]) == (401, "UNAUTHENTICATED")
    reply = await stranger.get(path, headers={"authorization": "Bearer wrong"})
    assert (reply.status_code, reply.json()["error_code"]) == (403, "PERMISSION_DENIED")


async def test_the_life_of_an_endpoint(
    client: httpx.AsyncClient, states: Any, changes: Any, storage: Storage
) -> None:
    created = await client.post(
        BASE + "/",
        json={
            "name": "my-chat",
            "config": {**CONFIG, "name": "my-chat"},
            "tags": [{"key": "b"}, {"key": "a", "value": "1"}],
            "route_optimized": False,
        },
    )
    assert created.status_code == 200
    shown = created.json()
    assert shown["state"] == {"ready": "NOT_READY", "config_update": "IN_PROGRESS"}
    assert (shown["endpoint_type"], shown["task"]) == ("EXTERNAL_MODEL", "llm/v1/chat")
    assert (shown["creator"], shown["permission_level"]) == ("admin@lakeserve.local", "CAN_MANAGE")
    assert shown["tags"] == [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]
    (entity,) = shown["config"]["served_entities"]
    assert entity["external_model"] == ENTITY["external_model"]
    assert shown["config"]["traffic_config"]["routes"] == [
        {"served_model_name": "gpt", "served_entity_name": "gpt", "traffic_percentage": 100}
    ]
    assert changes.heard == 1

    again = await client.post(BASE, json={"name": "my-chat", "config": CONFIG})
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "my-chat" in [each["name"] for each in (await client.get(BASE)).json()["endpoints"]]

    (stored,) = [each for each in await storage.read(lambda tx: tx.endpoints.all()) if each.tags]
    states.seen[stored.entities[0].id] = EntityState("DEPLOYMENT_READY")
    assert (await client.get(f"{BASE}/my-chat")).json()["state"] == {
        "ready": "READY",
        "config_update": "NOT_UPDATING",
    }

    assert (await client.get(f"{BASE}/my-chat/openapi")).json()["openapi"] == "3.1.0"
    assert (await client.delete(f"{BASE}/my-chat")).json() == {}
    assert (await client.get(f"{BASE}/my-chat")).status_code == 404
    assert changes.heard == 2


async def test_updates_of_the_config(
    client: httpx.AsyncClient, states: Any, storage: Storage
) -> None:
    await client.post(BASE, json={"name": "my-chat", "config": CONFIG})
    stored = await storage.read(lambda tx: tx.endpoints.find("my-chat"))
    assert stored is not None
    states.seen[stored.entities[0].id] = EntityState("DEPLOYMENT_READY")

    shown = (await client.put(f"{BASE}/my-chat/config", json=CONFIG)).json()
    assert shown["state"] == {"ready": "READY", "config_update": "IN_PROGRESS"}
    assert (shown["config"]["config_version"], shown["pending_config"]["config_version"]) == (1, 2)
    assert shown["pending_config"]["served_entities"][0]["state"]["deployment"] == (
        "DEPLOYMENT_CREATING"
    )
    busy = await client.put(f"{BASE}/my-chat/config", json=CONFIG)
    assert (busy.status_code, busy.json()["error_code"]) == (409, "RESOURCE_CONFLICT")

    updating = await storage.read(lambda tx: tx.endpoints.find("my-chat"))
    assert updating is not None
    assert updating.update is not None
    failed = replace(updating.update, failure="no such scope")
    await storage.write(lambda tx: tx.endpoints.set_update(updating.id, failed))
    shown = (await client.get(f"{BASE}/my-chat")).json()
    assert shown["state"] == {"ready": "READY", "config_update": "UPDATE_FAILED"}
    assert "pending_config" not in shown
    (entity,) = shown["config"]["served_entities"]
    assert "(no such scope); this config was kept" in entity["state"]["deployment_state_message"]
    assert (await client.put(f"{BASE}/my-chat/config", json=CONFIG)).status_code == 200


async def test_parts_of_an_endpoint(client: httpx.AsyncClient) -> None:
    await client.post(BASE, json={"name": "my-chat", "config": CONFIG})
    path = f"{BASE}/my-chat"
    reply = await client.patch(f"{path}/tags", json={"add_tags": [{"key": "b"}, {"key": "a"}]})
    assert reply.json() == {"tags": [{"key": "a", "value": ""}, {"key": "b", "value": ""}]}
    reply = await client.patch(f"{path}/tags", json={"delete_tags": ["b", "unknown"]})
    assert reply.json() == {"tags": [{"key": "a", "value": ""}]}
    nobody: dict[str, Any] = {"on_update_success": [], "on_update_failure": []}
    reply = await client.patch(f"{path}/notifications", json={"email_notifications": nobody})
    assert reply.json() == {"name": "my-chat", "email_notifications": nobody}
    assert (await client.get(path)).json()["email_notifications"] == nobody
    assert (await client.put(f"{path}/rate-limits", json={})).json() == {"rate_limits": []}
    assert (await client.put(f"{path}/ai-gateway", json={})).json() == {}
    somebody = {"on_update_failure": ["a@example.com"]}
    for method, suffix, body in (
        ("PATCH", "notifications", {"email_notifications": somebody}),
        ("PUT", "ai-gateway", {"guardrails": {"input": {"pii": {"behavior": "MASK"}}}}),
        ("PATCH", "telemetry-config", {}),
    ):
        reply = await client.request(method, f"{path}/{suffix}", json=body)
        assert (reply.status_code, reply.json()["error_code"]) == (501, "NOT_IMPLEMENTED"), suffix


async def test_the_gateway_block_of_an_endpoint(client: httpx.AsyncClient, changes: Any) -> None:
    limit = {"calls": 5, "key": "user", "renewal_period": "minute"}
    block = {"rate_limits": [limit], "fallback_config": {"enabled": True}}
    body = {"name": "my-chat", "config": CONFIG, "ai_gateway": block}
    assert (await client.post(BASE, json=body)).json()["ai_gateway"] == block
    path = f"{BASE}/my-chat"

    whole = {"usage_tracking_config": {"enabled": True}}
    assert (await client.put(f"{path}/ai-gateway", json=whole)).json() == whole
    assert (await client.get(path)).json()["ai_gateway"] == whole
    shown = (await client.get(BASE)).json()["endpoints"]
    assert [each["ai_gateway"] for each in shown if "ai_gateway" in each] == [whole]

    limits = {"rate_limits": [limit]}
    assert (await client.put(f"{path}/rate-limits", json=limits)).json() == limits
    assert (await client.get(path)).json()["ai_gateway"] == {**limits, **whole}
    assert changes.heard == 3

    for nothing in (b"", b"{}"):
        await client.put(f"{path}/ai-gateway", json=whole)
        assert (await client.put(f"{path}/ai-gateway", content=nothing)).json() == {}
        assert "ai_gateway" not in (await client.get(path)).json()


async def test_limits_of_the_older_kind_at_creation(client: httpx.AsyncClient) -> None:
    limit = {"calls": 5, "key": "endpoint", "renewal_period": "minute"}
    body = {"name": "my-chat", "config": CONFIG, "rate_limits": [limit]}
    both = await client.post(BASE, json={**body, "ai_gateway": {"rate_limits": [limit]}})
    assert (both.status_code, "exclude each other" in both.text) == (400, True)
    assert (await client.post(BASE, json=body)).json()["ai_gateway"] == {"rate_limits": [limit]}


async def test_a_shadow_stays_in_the_config(client: httpx.AsyncClient) -> None:
    block = {"lakeserve": {"routing": {"shadow_entity": "gpt"}}}
    await client.post(BASE, json={"name": "my-chat", "config": CONFIG, "ai_gateway": block})
    other = {"served_entities": [{**ENTITY, "name": "other"}]}
    refused = await client.put(f"{BASE}/my-chat/config", json=other)
    assert (refused.status_code, "lacks the entity 'gpt'" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"x": 1}, "Unknown field 'ai_gateway.x'."),
        ({"rate_limits": [{"calls": 1}]}, "'ai_gateway.rate_limits.0.renewal_period' is required"),
        ({"rate_limits": [{"renewal_period": "minute"}]}, "'ai_gateway.rate_limits.0' must have"),
        ({"guardrails": {"input": {"pii": {"behavior": "x"}}}}, "has the value 'x': Input should"),
    ],
)
async def test_blocks_that_are_refused(client: httpx.AsyncClient, block: Any, text: str) -> None:
    reply = await client.post(BASE, json={"name": "my-chat", "config": CONFIG, "ai_gateway": block})
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert text in reply.json()["message"]


@pytest.mark.parametrize("field", ["nonsense", "config.nonsense", "config.served_entities.0.x"])
async def test_unknown_fields_are_refused_by_name(client: httpx.AsyncClient, field: str) -> None:
    entity = {**ENTITY, "x": 1} if field.endswith(".x") else ENTITY
    config: dict[str, Any] = {"served_entities": [entity]}
    body: dict[str, Any] = {"name": "my-chat", "config": config}
    if field == "nonsense":
        body["nonsense"] = 1
    elif field == "config.nonsense":
        config["nonsense"] = 1
    reply = await client.post(BASE, json=body)
    assert (reply.status_code, reply.json()["message"]) == (400, f"Unknown field '{field}'.")


@pytest.mark.parametrize("block", ["sk-secret", ["sk-secret"], {"openai_api_key": "sk-secret"}])
async def test_secrets_are_not_repeated(client: httpx.AsyncClient, block: Any) -> None:
    model = {**ENTITY["external_model"], "openai_config": block}
    body = {"name": "my-chat", "config": {"served_entities": [{"external_model": model}]}}
    reply = await client.post(BASE, json=body)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "sk-secret" not in reply.text
    assert "openai_config" in reply.text


async def test_provisioned_throughput(client: httpx.AsyncClient) -> None:
    config = {"served_entities": [{"entity_name": "mine", "provisioned_model_units": 50}]}
    for method, path, body in (
        ("POST", f"{BASE}/pt", {"name": "mine", "config": config}),
        ("PUT", f"{BASE}/pt/my-chat/config", {"config": config}),
    ):
        await client.post(BASE, json={"name": "my-chat", "config": CONFIG})
        reply = await client.request(method, path, json=body)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert "'config.served_entities.0.entity_name' has the value 'mine'" in reply.text


async def test_foundation_models(client: httpx.AsyncClient) -> None:
    await client.post(BASE, json={"name": "my-chat", "config": CONFIG})
    found = (await client.get(BASE + ":foundation-models")).json()["endpoints"]
    assert [each["name"] for each in found] == sorted(entry.name for entry in CATALOGUE)
    shown = {each["name"]: each["foundation_model"] for each in found}
    assert shown[DBRX] == {
        "ai_gateway_v2_supported": True,
        "api_types": ["mlflow/v1/chat/completions", "openai/v1/responses"],
    }
    assert shown["databricks-bge-large-en"]["api_types"] == ["mlflow/v1/embeddings"]
