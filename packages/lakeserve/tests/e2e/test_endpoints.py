"""Endpoints of external models, by databricks-sdk, the command line and langchain_lakeserve."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import PlatformProcess, start_platform, wait_until

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

QUESTION = "What is MLflow?"
BASE = "/api/2.0/serving-endpoints"


@pytest.fixture
def client(platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch) -> WorkspaceClient:
    from databricks.sdk import WorkspaceClient

    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    return WorkspaceClient(host=platform.url, token=platform.token)


@pytest.fixture
def scope(client: WorkspaceClient, platform: PlatformProcess) -> Iterator[str]:
    client.secrets.create_scope("endpoints")
    client.secrets.put_secret("endpoints", "key", string_value=platform.token)
    yield "endpoints"
    client.secrets.delete_scope("endpoints")


def entity(platform: PlatformProcess, provider: str = "openai") -> dict[str, Any]:
    reference = "{{secrets/endpoints/key}}"
    path = "/serving-endpoints/databricks-dbrx-instruct/invocations?x=1"
    blocks: dict[str, dict[str, Any]] = {
        "openai": {
            "openai_api_key": reference,
            "openai_api_base": f"{platform.url}/serving-endpoints",
        },
        "custom": {
            "custom_provider_url": platform.url + path,
            "bearer_token_auth": {"token": reference},
        },
        "databricks-model-serving": {
            "databricks_workspace_url": platform.url,
            "databricks_api_token": reference,
        },
    }
    block = {"custom": "custom_provider_config", "openai": "openai_config"}.get(
        provider, "databricks_model_serving_config"
    )
    model = {
        "name": "databricks-dbrx-instruct",
        "provider": provider,
        "task": "llm/v1/chat",
        block: blocks[provider],
    }
    return {"name": provider, "external_model": model}


def test_the_sdk_makes_changes_and_deletes(
    client: WorkspaceClient, platform: PlatformProcess, scope: str
) -> None:
    from databricks.sdk.errors import ResourceAlreadyExists, ResourceDoesNotExist
    from databricks.sdk.service.serving import (
        ChatMessage,
        ChatMessageRole,
        EndpointCoreConfigInput,
        EndpointTag,
        Route,
        ServedEntityInput,
        TrafficConfig,
    )

    served = [
        ServedEntityInput.from_dict(entity(platform, provider))
        for provider in ("openai", "custom", "databricks-model-serving")
    ]
    traffic = TrafficConfig(
        routes=[
            Route(served_entity_name=str(each.name), traffic_percentage=share)
            for each, share in zip(served, (0, 30, 70), strict=True)
        ]
    )
    config = EndpointCoreConfigInput(name="sdk", served_entities=served, traffic_config=traffic)
    made = client.serving_endpoints.create(name="sdk", config=config).result()
    assert made.as_dict()["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    message = ChatMessage(role=ChatMessageRole.USER, content=QUESTION)
    for _ in range(4):
        answer = client.serving_endpoints.query("sdk", messages=[message], max_tokens=8)
        assert answer.served_model_name in {"custom", "databricks-model-serving"}
    for each in served:
        path = f"/serving-endpoints/sdk/served-models/{each.name}/invocations"
        body = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 8}
        assert platform.request("POST", path, body).status == 200, each.name

    with pytest.raises(ResourceAlreadyExists):
        client.serving_endpoints.create(name="sdk", config=config)
    changed = client.serving_endpoints.update_config_and_wait("sdk", served_entities=[served[0]])
    assert changed.config is not None
    assert changed.config.config_version == 2
    tags = client.serving_endpoints.patch("sdk", add_tags=[EndpointTag(key="a", value="1")])
    assert tags.tags == [EndpointTag(key="a", value="1")]
    document = client.serving_endpoints.get_open_api("sdk").contents
    assert document is not None
    assert json.loads(document.read())["info"]["version"] == "2"
    client.serving_endpoints.delete("sdk")
    with pytest.raises(ResourceDoesNotExist):
        client.serving_endpoints.get("sdk")


def test_an_update_while_one_runs(
    client: WorkspaceClient, platform: PlatformProcess, scope: str
) -> None:
    from databricks.sdk.errors import ResourceConflict

    body = {"name": "busy", "config": {"served_entities": [entity(platform)]}}
    client.api_client.do("POST", BASE, body=body)
    many = {
        "served_entities": [{**entity(platform), "name": f"e{n}"} for n in range(10)],
        "traffic_config": {"routes": [{"served_entity_name": "e0", "traffic_percentage": 100}]},
    }

    def update_without_pause() -> None:
        for _ in range(50):
            client.api_client.do("PUT", f"{BASE}/busy/config", body=many)

    try:
        with pytest.raises(ResourceConflict, match="is being updated"):
            update_without_pause()
    finally:
        client.serving_endpoints.delete("busy")


def test_a_killed_platform_finds_its_endpoints_again(tmp_path: Path) -> None:
    first = start_platform(tmp_path / "data")
    model = entity(first)["external_model"]
    model["openai_config"] = {
        "openai_api_key_plaintext": first.token,
        "openai_api_base": "http://127.0.0.1:1",
    }
    body = {"name": "kept", "config": {"served_entities": [{"external_model": model}]}}
    assert first.request("POST", BASE, body).status == 200
    port = int(first.url.rpartition(":")[2])
    first.stop(signal.SIGKILL)
    again = start_platform(tmp_path / "data", port=port)
    try:
        shown = again.request("GET", f"{BASE}/kept").json()
        assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
        # Nothing listens there, which is the upstream's failure and not the endpoint's.
        assert again.ask("kept", QUESTION).status == 502
    finally:
        again.stop()


@pytest.mark.parametrize("delay_s", [0.0, 0.002, 0.005, 0.02])
def test_a_platform_that_is_killed_in_an_update(tmp_path: Path, delay_s: float) -> None:
    def config(version: str) -> dict[str, Any]:
        block = {"openai_api_key_plaintext": "k", "openai_api_base": "http://127.0.0.1:1"}
        model = {"name": version, "provider": "openai", "task": "llm/v1/chat"}
        return {"served_entities": [{"external_model": {**model, "openai_config": block}}]}

    first = start_platform(tmp_path / "data")
    first.request("POST", BASE, {"name": "kept", "config": config("old")})
    killer = threading.Timer(delay_s, first.stop, [signal.SIGKILL])
    killer.start()
    with contextlib.suppress(OSError, http.client.HTTPException):
        first.request("PUT", f"{BASE}/kept/config", config("new"))
    killer.join()
    again = start_platform(tmp_path / "data")
    try:
        shown = again.request("GET", f"{BASE}/kept").json()
        assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
        (served,) = shown["config"]["served_entities"]
        assert (shown["config"]["config_version"], served["name"]) in {(1, "old"), (2, "new")}
    finally:
        again.stop()


def test_the_command_line(
    platform: PlatformProcess, environment: None, scope: str, tmp_path: Path
) -> None:
    def lakeserve(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lakeserve.cli", "endpoints", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    block = entity(platform)["external_model"]["openai_config"]
    made = lakeserve(
        *("create", "from-cli", "--model", "databricks-dbrx-instruct"),
        *(f"--set={name}={value}" for name, value in block.items()),
    )
    assert made == "created endpoint from-cli; it is ready\n"
    assert "from-cli" in lakeserve("list")
    listed = json.loads(lakeserve("list", "--json"))
    assert {"from-cli", "databricks-dbrx-instruct"} <= {each["name"] for each in listed}
    assert "MLflow" in lakeserve("query", "from-cli", QUESTION)
    vector = json.loads(lakeserve("query", "databricks-bge-large-en", "text"))
    assert len(vector) == 384
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"served_entities": [entity(platform)]}))
    assert "updating endpoint from-cli" in lakeserve("update-config", "from-cli", str(config))
    shown = json.loads(lakeserve("get", "from-cli"))
    assert shown["config"]["served_entities"][0]["external_model"]["openai_config"] == block
    assert lakeserve("delete", "from-cli", "--yes") == "deleted endpoint from-cli\n"


def test_langchain_lakeserve(
    client: WorkspaceClient, platform: PlatformProcess, environment: None, scope: str
) -> None:
    from langchain_lakeserve import ChatDatabricks

    body = {"name": "langchain", "config": {"served_entities": [entity(platform)]}}
    client.api_client.do("POST", BASE, body=body)
    path = f"{BASE}/langchain"
    assert wait_until(lambda: platform.request("GET", path).json()["state"]["ready"] == "READY")
    chat = ChatDatabricks(endpoint="langchain", temperature=0)
    assert "MLflow" in chat.invoke(QUESTION).text
    client.serving_endpoints.delete("langchain")
