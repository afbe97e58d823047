"""Permissions on what is no endpoint: clusters and the use of tokens, over the API."""

from typing import Any

import httpx
import pytest

TOKENS = "/api/2.0/permissions/authorization/tokens"
EVERYONE = {
    "group_name": "users",
    "all_permissions": [{"permission_level": "CAN_USE", "inherited": False}],
}


@pytest.fixture
async def anna(client: httpx.AsyncClient) -> dict[str, str]:
    """Headers of a service principal."""
    body = {"applicationId": "anna", "displayName": "Anna"}
    await client.post("/api/2.0/preview/scim/v2/ServicePrincipals", json=body)
    made = await client.post(
        "/api/2.0/token-management/on-behalf-of/tokens", json={"application_id": "anna"}
    )
    return {"authorization": f"Bearer {made.json()['token_value']}"}


async def test_who_may_make_tokens(client: httpx.AsyncClient, anna: dict[str, str]) -> None:
    async def makes() -> int:
        reply = await client.post("/api/2.0/token/create", json={}, headers=anna)
        return reply.status_code

    shown = (await client.get(TOKENS)).json()
    assert shown["object_id"] == "/authorization/tokens"
    assert shown["access_control_list"][0] == EVERYONE
    assert await makes() == 200
    assert (await client.put(TOKENS, json={})).status_code == 200
    assert await makes() == 403
    assert (await client.post("/api/2.0/token/create", json={})).status_code == 200
    entry = {"service_principal_name": "anna", "permission_level": "CAN_USE"}
    assert (await client.patch(TOKENS, json={"access_control_list": [entry]})).status_code == 200
    assert await makes() == 200
    levels = (await client.get(f"{TOKENS}/permissionLevels", headers=anna)).json()
    assert [each["permission_level"] for each in levels["permission_levels"]] == ["CAN_USE"]
    for method in ("GET", "PUT", "PATCH"):
        reply = await client.request(method, TOKENS, json={}, headers=anna)
        assert (reply.status_code, reply.json()["error_code"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("path", ["authorization/passwords", "clusters/none"])
async def test_unknown_objects(client: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "PUT", "PATCH"):
        reply = await client.request(method, f"/api/2.0/permissions/{path}", json={})
        assert (reply.status_code, reply.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize("level", ["CAN_QUERY", "CAN_VIEW", "nonsense"])
async def test_levels_of_other_kinds(client: httpx.AsyncClient, level: str) -> None:
    own = "/api/2.0/lakeserve/clusters"
    await client.post(own, json={"cluster_id": "box", "host": "127.0.0.1"})
    body: dict[str, Any] = {
        "access_control_list": [{"group_name": "users", "permission_level": level}]
    }
    reply = await client.put("/api/2.0/permissions/clusters/box", json=body)
    assert reply.status_code == 400
    assert "accepted: CAN_ATTACH_TO, CAN_RESTART, CAN_MANAGE" in reply.json()["message"]
