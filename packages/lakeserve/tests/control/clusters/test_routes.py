from typing import Any

import httpx
import pytest

OWN = "/api/2.0/lakeserve/clusters"
LISTS = ("/api/2.0/clusters/list", "/api/2.1/clusters/list")
GETS = ("/api/2.0/clusters/get", "/api/2.1/clusters/get")
BOX = {"cluster_id": "box", "host": "127.0.0.1"}
PERMISSIONS = "/api/2.0/permissions/clusters/box"


@pytest.fixture
async def robot(client: httpx.AsyncClient) -> dict[str, str]:
    """Headers of a service principal whose application id is ``robot``."""
    body = {"applicationId": "robot", "displayName": "Robot"}
    await client.post("/api/2.0/preview/scim/v2/ServicePrincipals", json=body)
    made = await client.post(
        "/api/2.0/token-management/on-behalf-of/tokens", json={"application_id": "robot"}
    )
    return {"authorization": f"Bearer {made.json()['token_value']}"}


async def test_registering_and_removing(client: httpx.AsyncClient) -> None:
    for path in LISTS:
        assert (await client.get(path)).json() == {"clusters": []}
    made = (await client.post(OWN, json={**BOX, "cluster_name": "Box"})).json()
    assert (made["cluster_id"], made["cluster_name"]) == ("box", "Box")
    for path in LISTS:
        assert (await client.get(path)).json() == {"clusters": [made]}
    for path in GETS:
        assert (await client.get(path, params={"cluster_id": "box"})).json() == made
    again = await client.post(OWN, json=BOX)
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    assert (await client.delete(f"{OWN}/box")).json() == {}
    gone = await client.get(GETS[1], params={"cluster_id": "box"})
    assert (gone.status_code, gone.json()) == (
        400,
        {"error_code": "INVALID_PARAMETER_VALUE", "message": "Cluster box does not exist"},
    )


async def test_what_each_level_allows(client: httpx.AsyncClient, robot: dict[str, str]) -> None:
    await client.post(OWN, json=BOX)
    calls: tuple[tuple[str, str, Any], ...] = (
        ("GET", f"{GETS[0]}?cluster_id=box", None),
        ("GET", f"{GETS[1]}?cluster_id=box", None),
        ("GET", f"{PERMISSIONS}/permissionLevels", None),
        ("GET", PERMISSIONS, None),
        ("PUT", PERMISSIONS, {}),
        ("PATCH", PERMISSIONS, {}),
        ("DELETE", f"{OWN}/box", None),
    )

    async def statuses() -> list[int]:
        replies = [
            await client.request(method, where, json=body, headers=robot)
            for method, where, body in calls
        ]
        return [reply.status_code for reply in replies]

    async def listed() -> list[list[Any]]:
        return [(await client.get(path, headers=robot)).json()["clusters"] for path in LISTS]

    def acl(level: str) -> dict[str, Any]:
        entry = {"permission_level": level, "service_principal_name": "robot"}
        return {"access_control_list": [entry]}

    assert (
        await client.post(OWN, json={**BOX, "cluster_id": "x"}, headers=robot)
    ).status_code == 403
    assert await statuses() == [400, 400, 404, 404, 404, 404, 400]
    assert await listed() == [[], []]
    for level in ("CAN_ATTACH_TO", "CAN_RESTART"):
        shown = (await client.put(PERMISSIONS, json=acl(level))).json()
        assert (shown["object_id"], shown["object_type"]) == ("/clusters/box", "cluster")
        assert await statuses() == [200, 200, 200, 403, 403, 403, 403]
        assert [[each["cluster_id"] for each in found] for found in await listed()] == [["box"]] * 2
    await client.put(PERMISSIONS, json=acl("CAN_MANAGE"))
    assert (await client.get(PERMISSIONS, headers=robot)).status_code == 200
    assert (await client.delete(f"{OWN}/box", headers=robot)).json() == {}
    refused = await client.put(PERMISSIONS, json=acl("CAN_MANAGE"))
    assert refused.status_code == 404


async def test_pages(client: httpx.AsyncClient) -> None:
    for name in "abc":
        await client.post(OWN, json={**BOX, "cluster_id": name})
    first = (await client.get(LISTS[1], params={"page_size": 2})).json()
    assert [each["cluster_id"] for each in first["clusters"]] == ["a", "b"]
    query = {"page_size": 2, "page_token": first["next_page_token"]}
    second = (await client.get(LISTS[1], params=query)).json()
    assert [each["cluster_id"] for each in second["clusters"]] == ["c"]
    assert "next_page_token" not in second
    descending = {"sort_by.field": "CLUSTER_NAME", "sort_by.direction": "DESC"}
    listed = (await client.get(LISTS[1], params=descending)).json()["clusters"]
    assert [each["cluster_id"] for each in listed] == ["c", "b", "a"]
    none = (await client.get(LISTS[1], params={"filter_by.cluster_states": "ERROR"})).json()
    assert none == {"clusters": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", OWN, {"cluster_id": "a"}, 400),
        ("POST", OWN, {**BOX, "nonsense": 1}, 400),
        ("POST", OWN, {**BOX, "host": "http://x"}, 400),
        ("POST", OWN, {**BOX, "tls": "yes"}, 400),
        ("POST", OWN, {**BOX, "ca_pem": "nonsense"}, 400),
        ("GET", GETS[0], None, 400),
        ("GET", f"{LISTS[1]}?page_size=101", None, 400),
        ("GET", f"{LISTS[1]}?filter_by.policy_id=x", None, 501),
        ("POST", "/api/2.1/clusters/create", {}, 501),
        ("DELETE", f"{OWN}/none", None, 400),
    ],
)
async def test_refusals(
    client: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    reply = await client.request(method, path, json=body)
    assert reply.status_code == status, reply.text
    assert set(reply.json()) == {"error_code", "message"}


async def test_strangers(stranger: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", LISTS[0]),
        ("GET", GETS[1]),
        ("POST", OWN),
        ("DELETE", f"{OWN}/a"),
    ):
        assert (await stranger.request(method, path)).status_code == 401
