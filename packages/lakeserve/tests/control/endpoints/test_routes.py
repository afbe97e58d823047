from typing import Any

import httpx
import pytest
from lakeserve.control.endpoints.catalogue import CATALOGUE
from lakeserve.control.endpoints.routes import BASE, CHANGES
from lakeserve.core.endpoints import EntityState
from lakeserve.core.ids import stable_object_id

DBRX = "databricks-dbrx-instruct"


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


@pytest.mark.parametrize(("method", "suffix", "feature"), CHANGES)
async def test_built_in_endpoints_cannot_be_changed(
    client: httpx.AsyncClient, method: str, suffix: str, feature: str
) -> None:
    reply = await client.request(method, f"{BASE}/{DBRX}{suffix}", json={})
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert f"'{DBRX}' is a built-in" in reply.json()["message"], feature


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("DELETE", ""), ("PUT", "/config")])
async def test_an_endpoint_that_does_not_exist(
    client: httpx.AsyncClient, method: str, suffix: str
) -> None:
    reply = await client.request(method, f"{BASE}/nothing{suffix}")
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
