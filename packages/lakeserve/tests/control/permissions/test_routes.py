from typing import Any

import httpx
import pytest

ENDPOINTS = "/api/2.0/serving-endpoints"
MODEL = {
    "name": "gpt-4",
    "provider": "openai",
    "task": "llm/v1/chat",
    "openai_config": {"openai_api_key": "{{secrets/scope/key}}"},
}
CONFIG = {"served_entities": [{"name": "gpt", "external_model": MODEL}]}
GROUP = {"group_name": "users"}


@pytest.fixture
async def endpoint_id(client: httpx.AsyncClient) -> str:
    reply = await client.post(ENDPOINTS, json={"name": "mine", "config": CONFIG})
    return str(reply.json()["id"])


@pytest.fixture
def path(endpoint_id: str) -> str:
    return f"/api/2.0/permissions/serving-endpoints/{endpoint_id}"


@pytest.fixture
async def robot(client: httpx.AsyncClient) -> dict[str, str]:
    """Headers of a service principal whose application id is ``robot``."""
    body = {"applicationId": "robot", "displayName": "Robot"}
    await client.post("/api/2.0/preview/scim/v2/ServicePrincipals", json=body)
    made = await client.post(
        "/api/2.0/token-management/on-behalf-of/tokens", json={"application_id": "robot"}
    )
    return {"authorization": f"Bearer {made.json()['token_value']}"}


def acl(level: str, **principal: str) -> dict[str, Any]:
    return {"access_control_list": [{"permission_level": level, **principal}]}


async def test_setting_and_adding(client: httpx.AsyncClient, path: str, endpoint_id: str) -> None:
    before = (await client.get(path)).json()
    assert before["object_id"] == f"/serving-endpoints/{endpoint_id}"
    first, last = before["access_control_list"]
    assert (first["user_name"], last["group_name"]) == ("admin@lakeserve.local", "admins")
    put = await client.put(path, json=acl("CAN_QUERY", **GROUP))
    assert put.json() == (await client.get(path)).json() != before
    assert (await client.patch(path, json={})).json() == put.json()
    assert (await client.put(path, json={})).json() == before
    levels = (await client.get(f"{path}/permissionLevels")).json()["permission_levels"]
    assert len(levels) == 3


async def test_what_each_level_allows(
    client: httpx.AsyncClient, path: str, robot: dict[str, str]
) -> None:
    calls: tuple[tuple[str, str, Any], ...] = (
        ("GET", f"{ENDPOINTS}/mine", None),
        ("GET", f"{ENDPOINTS}/mine/openapi", None),
        ("GET", f"{path}/permissionLevels", None),
        ("GET", path, None),
        ("PUT", path, acl("CAN_MANAGE", service_principal_name="robot")),
        ("PATCH", path, {}),
        ("PATCH", f"{ENDPOINTS}/mine/tags", {}),
        ("PATCH", f"{ENDPOINTS}/mine/notifications", {}),
        ("PUT", f"{ENDPOINTS}/mine/rate-limits", {}),
        ("PUT", f"{ENDPOINTS}/mine/ai-gateway", {}),
        ("DELETE", f"{ENDPOINTS}/mine", None),
    )

    async def statuses() -> list[int]:
        replies = [
            await client.request(method, where, json=body, headers=robot)
            for method, where, body in calls
        ]
        return [reply.status_code for reply in replies]

    async def seen() -> bool:
        listed = (await client.get(ENDPOINTS, headers=robot)).json()["endpoints"]
        return "mine" in [each["name"] for each in listed]

    assert await statuses() == [404] * len(calls)
    assert not await seen()
    for level in ("CAN_VIEW", "CAN_QUERY"):
        await client.put(path, json=acl(level, service_principal_name="robot"))
        shown = (await client.get(f"{ENDPOINTS}/mine", headers=robot)).json()
        assert shown["permission_level"] == level
        assert await statuses() == [200, 200, 200] + [403] * (len(calls) - 3)
        assert await seen()
    await client.put(path, json=acl("CAN_MANAGE", service_principal_name="robot"))
    assert await statuses() == [200] * len(calls)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (acl("CAN_VIEW", user_name="nobody"), "names 'nobody'"),
        (acl("CAN_VIEW"), "exactly one of user_name"),
        (acl("CAN_VIEW", user_name=""), "exactly one of user_name"),
        (acl("CAN_VIEW", user_name="a", group_name="users"), "exactly one of user_name"),
        (acl("CAN_RUN", **GROUP), "'CAN_RUN'; accepted: CAN_VIEW, CAN_QUERY, CAN_MANAGE"),
        ({"access_control_list": [GROUP]}, "'access_control_list.0.permission_level' is required"),
        ({"access_control_list": "x"}, "'access_control_list'"),
        ({"nonsense": 1}, "Unknown field 'nonsense'"),
        (acl("CAN_VIEW", user_name="\0"), "'access_control_list.0.user_name'"),
    ],
)
async def test_bodies_that_are_refused(
    client: httpx.AsyncClient, path: str, body: Any, text: str
) -> None:
    for method in ("PUT", "PATCH"):
        reply = await client.request(method, path, json=body)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert text in reply.json()["message"]


async def test_unknown_ids(client: httpx.AsyncClient) -> None:
    path = "/api/2.0/permissions/serving-endpoints/none"
    for method in ("GET", "PUT", "PATCH"):
        reply = await client.request(method, path, json={})
        assert (reply.status_code, reply.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
