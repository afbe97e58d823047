from typing import Any

import httpx
import pytest
from lakeserve.control.tokens.routes import managed_token_info, token_info
from lakeserve.core.tokens import TokenFacts

OWN = "/api/2.0/token"
ALL = "/api/2.0/token-management"


async def create(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    reply = await client.post(f"{OWN}/create", json=body)
    assert reply.status_code == 200, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def ids(client: httpx.AsyncClient) -> list[str]:
    listed = (await client.get(f"{OWN}/list")).json()["token_infos"]
    return [each["token_id"] for each in listed if "settings" not in each["comment"]]


def check(reply: httpx.Response, status: int, error_code: str, text: str = "") -> None:
    assert (reply.status_code, reply.json()["error_code"]) == (status, error_code), reply.text
    assert text in reply.json()["message"]


async def test_a_token_works_until_it_is_revoked(client: httpx.AsyncClient) -> None:
    made = await create(client, comment="mine", lifetime_seconds=60)
    token, info = made["token_value"], made["token_info"]
    assert token.startswith("dapi")
    assert info["expiry_time"] == info["creation_time"] + 60_000
    assert await ids(client) == [info["token_id"]]
    assert token not in (await client.get(f"{OWN}/list")).text

    as_token = {"authorization": f"Bearer {token}"}
    assert (await client.get(f"{OWN}/list", headers=as_token)).status_code == 200
    deleted = await client.post(f"{OWN}/delete", json={"token_id": info["token_id"]})
    assert (deleted.status_code, deleted.json()) == (200, {})
    check(await client.get(f"{OWN}/list", headers=as_token), 403, "PERMISSION_DENIED")
    again = await client.post(f"{OWN}/delete", json={"token_id": info["token_id"]})
    check(again, 404, "RESOURCE_DOES_NOT_EXIST", info["token_id"])


async def test_a_comment_can_change(client: httpx.AsyncClient) -> None:
    token_id = (await create(client))["token_info"]["token_id"]
    body = {"token": {"comment": "words", "token_id": token_id}, "update_mask": "comment"}
    assert (await client.patch(f"{OWN}/{token_id}", json=body)).json() == {}
    shown = (await client.get(f"{ALL}/tokens/{token_id}")).json()["token_info"]
    assert (shown["comment"], shown["expiry_time"]) == ("words", -1)
    assert shown["created_by_username"] == "admin@lakeserve.local"
    assert shown["workspace_id"] == 4711
    body["token"]["comment"] = "more"  # type: ignore[index]
    changed = await client.patch(f"{ALL}/tokens/{token_id}", json=body)
    assert changed.json()["comment"] == "more"
    for mask in ("expiry_time", ""):
        reply = await client.patch(f"{OWN}/{token_id}", json={**body, "update_mask": mask})
        check(reply, 400, "INVALID_PARAMETER_VALUE", "'update_mask'")
    scopes = await client.patch(f"{OWN}/{token_id}", json={**body, "update_mask": "scopes"})
    check(scopes, 501, "NOT_IMPLEMENTED", "scopes")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"lifetime_seconds": 0}, "'lifetime_seconds' has the value 0"),
        ({"lifetime_seconds": "long"}, "'lifetime_seconds'"),
        ({"comment": "x" * 2000}, "2000 characters"),
        ({"colour": "red"}, "Unknown field 'colour'"),
    ],
)
async def test_tokens_that_are_refused(
    client: httpx.AsyncClient, body: dict[str, Any], text: str
) -> None:
    reply = await client.post(f"{OWN}/create", json=body)
    check(reply, 400, "INVALID_PARAMETER_VALUE", text)


async def test_scopes_are_refused_rather_than_forgotten(client: httpx.AsyncClient) -> None:
    await create(client, scopes=["all-apis"])
    reply = await client.post(f"{OWN}/create", json={"scopes": ["sql"]})
    check(reply, 501, "NOT_IMPLEMENTED", "scopes")


async def test_the_token_of_the_settings_stays(client: httpx.AsyncClient) -> None:
    listed = (await client.get(f"{OWN}/list")).json()["token_infos"]
    reply = await client.post(f"{OWN}/delete", json={"token_id": listed[0]["token_id"]})
    check(reply, 400, "INVALID_PARAMETER_VALUE", "setting 'token'")


async def test_everyones_tokens(client: httpx.AsyncClient) -> None:
    token_id = (await create(client, comment="mine"))["token_info"]["token_id"]
    for query, count in (
        ({}, 2),
        ({"created_by_username": "admin@lakeserve.local"}, 2),
        ({"created_by_id": "1001"}, 2),
        ({"created_by_username": "nobody"}, 0),
    ):
        listed = await client.get(f"{ALL}/tokens", params=query)
        assert len(listed.json()["token_infos"]) == count
    assert (await client.delete(f"{ALL}/tokens/{token_id}")).json() == {}
    check(await client.get(f"{ALL}/tokens/{token_id}"), 404, "RESOURCE_DOES_NOT_EXIST")
    nobody = {"application_id": "nobody"}
    reply = await client.post(f"{ALL}/on-behalf-of/tokens", json=nobody)
    check(reply, 404, "RESOURCE_DOES_NOT_EXIST", "'nobody'")


def test_what_is_shown() -> None:
    facts = TokenFacts("id", "8", "words", "7", 1, expires_at=2)
    assert token_info(facts)["expiry_time"] == 2
    assert managed_token_info(facts, {"7": "anna"}) == {
        **token_info(facts),
        "created_by_id": 7,
        "created_by_username": "anna",
        "owner_id": 8,
    }
