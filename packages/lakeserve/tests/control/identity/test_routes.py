import base64
from typing import Any

import httpx
import pytest
from lakeserve.core.identity import DEVELOPMENT_TOKEN

SCIM = "/api/2.0/preview/scim/v2"
ADMIN = "1001"


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    reply = await client.post(SCIM + path, json=body)
    assert reply.status_code == 201, reply.text
    resource: dict[str, Any] = reply.json()
    return resource


async def patch(client: httpx.AsyncClient, path: str, *changes: dict[str, Any]) -> httpx.Response:
    return await client.patch(SCIM + path, json={"Operations": list(changes)})


def check(reply: httpx.Response, status: int, error_code: str, text: str = "") -> None:
    assert (reply.status_code, reply.json()["error_code"]) == (status, error_code), reply.text
    assert text in reply.json()["message"]


async def robot_with_token(client: httpx.AsyncClient) -> tuple[str, dict[str, str]]:
    """The id of a new service principal, and a header that authenticates it."""
    robot = await made(client, "/ServicePrincipals", displayName="Robot")
    reply = await client.post(
        "/api/2.0/token-management/on-behalf-of/tokens",
        json={"application_id": robot["applicationId"]},
    )
    return robot["id"], {"authorization": f"Bearer {reply.json()['token_value']}"}


async def test_me(client: httpx.AsyncClient) -> None:
    reply = await client.get(f"{SCIM}/Me", params={"attributes": "userName"})
    assert reply.headers["X-Databricks-Org-Id"] == "4711"
    assert reply.json()["userName"] == "admin@lakeserve.local"
    assert reply.json()["id"].isdecimal()
    assert [group["display"] for group in reply.json()["groups"]] == ["users", "admins"]


async def test_me_with_user_and_password(stranger: httpx.AsyncClient) -> None:
    credential = base64.b64encode(f"token:{DEVELOPMENT_TOKEN}".encode()).decode()
    reply = await stranger.get(f"{SCIM}/Me", headers={"authorization": f"Basic {credential}"})
    assert reply.status_code == 200


async def test_me_without_a_token(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get(f"{SCIM}/Me")).status_code == 401


async def test_users(client: httpx.AsyncClient) -> None:
    anna = await made(client, "/Users", userName="anna@example.com", displayName="Anna")
    assert (anna["userName"], anna["active"]) == ("anna@example.com", True)
    assert [group["display"] for group in anna["groups"]] == ["users"]
    assert (await client.get(f"{SCIM}/Users/{anna['id']}")).json() == anna

    query = {"filter": 'userName eq "anna@example.com"', "startIndex": "1", "count": "10"}
    listed = (await client.get(f"{SCIM}/Users", params=query)).json()
    assert (listed["Resources"], listed["totalResults"]) == ([anna], 1)
    everyone = (await client.get(f"{SCIM}/Users")).json()["Resources"]
    assert {user["userName"] for user in everyone} == {"anna@example.com", "admin@lakeserve.local"}

    again = await client.post(f"{SCIM}/Users", json={"userName": "anna@example.com"})
    check(again, 409, "RESOURCE_CONFLICT", "'anna@example.com' already exists")
    new = {"userName": "anna@example.com", "displayName": "A.", "externalId": "x", "roles": []}
    put = (await client.put(f"{SCIM}/Users/{anna['id']}", json=new)).json()
    assert (put["displayName"], put["externalId"]) == ("A.", "x")
    assert (await client.delete(f"{SCIM}/Users/{anna['id']}")).json() == {}
    check(await client.get(f"{SCIM}/Users/{anna['id']}"), 404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "'userName' has no value"),
        ({"userName": ""}, "'userName' has the value ''"),
        ({"userName": 3}, "'userName' has the value '3'"),
        ({"userName": "a", "active": "perhaps"}, "'active' has the value 'perhaps'"),
        ({"userName": "a", "groups": [{"value": "2"}]}, "'groups' cannot be written"),
        ({"userName": "a", "displayName": "x" * 257}, "1 to 256 printable characters"),
    ],
)
async def test_users_that_are_refused(
    client: httpx.AsyncClient, body: dict[str, Any], text: str
) -> None:
    reply = await client.post(f"{SCIM}/Users", json=body)
    check(reply, 400, "INVALID_PARAMETER_VALUE", text)


async def test_names_are_taken_once(client: httpx.AsyncClient) -> None:
    for path, field in (("/Users", "userName"), ("/Groups", "displayName")):
        reply = await client.post(SCIM + path, json={field: "admins"})
        check(reply, 409, "RESOURCE_CONFLICT", "'admins'")


async def test_a_user_who_is_not_active_is_refused_at_once(client: httpx.AsyncClient) -> None:
    robot_id, as_robot = await robot_with_token(client)
    me = await client.get(f"{SCIM}/Me", headers=as_robot)
    assert (me.status_code, me.json()["displayName"]) == (200, "Robot")
    off = {"op": "replace", "path": "active", "value": False}
    reply = await patch(client, f"/ServicePrincipals/{robot_id}", off)
    assert reply.json()["active"] is False
    check(await client.get(f"{SCIM}/Me", headers=as_robot), 403, "PERMISSION_DENIED")
    on = {"op": "replace", "value": {"active": "true", "displayName": "Woken"}}
    assert (await patch(client, f"/ServicePrincipals/{robot_id}", on)).json()["active"] is True
    assert (await client.get(f"{SCIM}/Me", headers=as_robot)).json()["displayName"] == "Woken"
    await client.delete(f"{SCIM}/ServicePrincipals/{robot_id}")
    check(await client.get(f"{SCIM}/Me", headers=as_robot), 403, "PERMISSION_DENIED")


async def test_names_stay(client: httpx.AsyncClient) -> None:
    robot = await made(client, "/ServicePrincipals", displayName="R", applicationId="app-1")
    rename = {"op": "replace", "path": "applicationId", "value": "app-2"}
    reply = await patch(client, f"/ServicePrincipals/{robot['id']}", rename)
    check(reply, 400, "INVALID_PARAMETER_VALUE", "cannot be changed from 'app-1' to 'app-2'")
    query = {"filter": 'applicationId eq "app-1"'}
    listed = (await client.get(f"{SCIM}/ServicePrincipals", params=query)).json()
    assert [each["id"] for each in listed["Resources"]] == [robot["id"]]


async def test_groups(client: httpx.AsyncClient) -> None:
    anna = await made(client, "/Users", userName="anna@example.com")
    member = {"value": anna["id"]}
    team = await made(client, "/Groups", displayName="team", members=[member])
    assert [each["value"] for each in team["members"]] == [anna["id"]]
    path = f"/Groups/{team['id']}"
    remove = {"op": "remove", "path": f'members[value eq "{anna["id"]}"]'}
    assert (await patch(client, path, remove)).json()["members"] == []
    add = {"op": "add", "value": {"members": [member]}}
    assert len((await patch(client, path, add)).json()["members"]) == 1
    names = (await client.get(f"{SCIM}/Users/{anna['id']}")).json()["groups"]
    assert [group["display"] for group in names] == ["users", "team"]

    renamed = {"displayName": "crew", "members": [member], "externalId": "x"}
    assert (await client.put(SCIM + path, json=renamed)).json()["displayName"] == "crew"
    query = {"filter": 'displayName eq "crew"'}
    listed = (await client.get(f"{SCIM}/Groups", params=query)).json()["Resources"]
    assert [group["id"] for group in listed] == [team["id"]]
    unknown = {"op": "add", "path": "members", "value": [{"value": "404"}]}
    check(await patch(client, path, unknown), 400, "INVALID_PARAMETER_VALUE", "'404'")
    assert (await client.delete(SCIM + path)).json() == {}
    check(await client.get(SCIM + path), 404, "RESOURCE_DOES_NOT_EXIST")


async def test_the_built_in_groups(client: httpx.AsyncClient) -> None:
    robot_id, as_robot = await robot_with_token(client)
    join = {"op": "add", "path": "members", "value": [{"value": robot_id}]}
    check(
        await client.post(f"{SCIM}/Users", json={"userName": "b"}, headers=as_robot),
        403,
        "PERMISSION_DENIED",
        "takes an administrator",
    )
    assert (await patch(client, "/Groups/2", join)).status_code == 200
    await made(client, "/Users", userName="by-the-robot@example.com")
    created = await client.post(f"{SCIM}/Users", json={"userName": "b"}, headers=as_robot)
    assert created.status_code == 201
    leave = {"op": "remove", "path": f'members[value eq "{ADMIN}"]'}
    for path, change, text in (
        ("/Groups/2", leave, "cannot leave the group 'admins'"),
        ("/Groups/1", leave, "Everyone is in the group 'users'"),
        ("/Groups/2", {"op": "replace", "path": "displayName", "value": "x"}, "cannot be renamed"),
        (f"/Users/{ADMIN}", {"op": "replace", "path": "active", "value": False}, "administrator"),
    ):
        check(await patch(client, path, change), 400, "INVALID_PARAMETER_VALUE", text)
    for path in (f"/Users/{ADMIN}", "/Groups/1", "/Groups/2"):
        check(await client.delete(SCIM + path), 400, "INVALID_PARAMETER_VALUE", "deleted")


async def test_a_group_keeps_its_grants_when_it_is_renamed(client: httpx.AsyncClient) -> None:
    robot_id, as_robot = await robot_with_token(client)
    team = await made(client, "/Groups", displayName="team", members=[{"value": robot_id}])
    await client.post("/api/2.0/secrets/scopes/create", json={"scope": "s"})
    grant = {"scope": "s", "principal": "team", "permission": "READ"}
    await client.post("/api/2.0/secrets/acls/put", json=grant)

    async def listed() -> int:
        query = {"scope": "s"}
        reply = await client.get("/api/2.0/secrets/list", params=query, headers=as_robot)
        return reply.status_code

    assert await listed() == 200
    await patch(client, f"/Groups/{team['id']}", {"op": "replace", "value": {"displayName": "x"}})
    assert await listed() == 200
    await client.delete(f"{SCIM}/Groups/{team['id']}")
    assert await listed() == 403
    await made(client, "/Groups", displayName="x", members=[{"value": robot_id}])
    assert await listed() == 403
