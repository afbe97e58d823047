import base64

import httpx
from lakeserve.control.identity.routes import scim_user
from lakeserve.core.identity import DEVELOPMENT_TOKEN, Principal

ME = "/api/2.0/preview/scim/v2/Me"


async def test_me(client: httpx.AsyncClient) -> None:
    reply = await client.get(ME, params={"attributes": "userName"})
    assert reply.headers["X-Databricks-Org-Id"] == "4711"
    assert reply.json()["userName"] == "admin@lakeserve.local"
    assert reply.json()["id"].isdecimal()
    assert [group["display"] for group in reply.json()["groups"]] == ["users", "admins"]


async def test_me_with_user_and_password(stranger: httpx.AsyncClient) -> None:
    credential = base64.b64encode(f"token:{DEVELOPMENT_TOKEN}".encode()).decode()
    reply = await stranger.get(ME, headers={"authorization": f"Basic {credential}"})
    assert reply.status_code == 200


async def test_me_without_a_token(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get(ME)).status_code == 401


def test_a_user_without_rights_is_no_administrator() -> None:
    user = scim_user(Principal(id="7", name="a@example.com", display_name="A"))
    assert user["groups"] == [
        {"display": "users", "type": "direct", "value": "1", "$ref": "Groups/1"}
    ]
