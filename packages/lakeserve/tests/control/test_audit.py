import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from lakeserve.control.audit import PATH, is_audited

SECRETS = "/api/2.0/secrets"


async def entries(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(PATH, params=query)).json()["entries"]
    return found


async def test_who_did_what(client: httpx.AsyncClient) -> None:
    await client.post(f"{SECRETS}/scopes/create/", json={"scope": "s"})
    await client.post(f"{SECRETS}/scopes/create", json={"scope": "s"})
    body = {"scope": "s", "key": "k", "string_value": "sk-secret"}
    await client.post(f"{SECRETS}/put", json=body)
    await client.get(f"{SECRETS}/get", params={"scope": "s", "key": "k"})
    await client.get(f"{SECRETS}/list", params={"scope": "s"})
    found = await entries(client)
    assert [(each["action"], each["object"], each["status"]) for each in found] == [
        ("GET", f"{SECRETS}/get scope='s' key='k'", 200),
        ("POST", f"{SECRETS}/put scope='s' key='k'", 200),
        ("POST", f"{SECRETS}/scopes/create scope='s'", 400),
        ("POST", f"{SECRETS}/scopes/create scope='s'", 200),
    ]
    assert {each["actor"] for each in found} == {"admin@lakeserve.local"}
    assert {each["source"] for each in found} == {"127.0.0.1"}
    assert "sk-secret" not in (await client.get(PATH)).text


async def test_who_was_refused(client: httpx.AsyncClient) -> None:
    wrong = {"authorization": "Bearer dapi-wrong"}
    await client.post(f"{SECRETS}/put", json=["sk-secret"], headers=wrong)
    (refused,) = await entries(client, actor="-")
    assert (refused["status"], refused["object"]) == (403, f"{SECRETS}/put")


async def test_a_token_that_revokes_itself_is_named(client: httpx.AsyncClient) -> None:
    made = (await client.post("/api/2.0/token/create", json={})).json()
    await client.post(
        "/api/2.0/token/delete",
        json={"token_id": made["token_info"]["token_id"]},
        headers={"authorization": f"Bearer {made['token_value']}"},
    )
    newest = (await entries(client))[0]
    assert newest["actor"] == "admin@lakeserve.local"
    assert made["token_info"]["token_id"] in newest["object"]
    assert made["token_value"] not in (await client.get(PATH)).text


async def test_pages(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await client.post(f"{SECRETS}/scopes/create", json={"scope": f"s{number}"})
    first = (await client.get(PATH, params={"max_results": "2"})).json()
    query = {"max_results": "2", "page_token": first["next_page_token"]}
    second = (await client.get(PATH, params=query)).json()
    assert [len(first["entries"]), len(second["entries"])] == [2, 1]
    assert "next_page_token" not in second
    for wrong in ({"page_token": "x"}, {"max_results": "0"}):
        reply = await client.get(PATH, params=wrong)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


async def test_it_takes_an_administrator(client: httpx.AsyncClient) -> None:
    scim = "/api/2.0/preview/scim/v2/ServicePrincipals"
    robot = (await client.post(scim, json={"displayName": "R"})).json()
    made = await client.post(
        "/api/2.0/token-management/on-behalf-of/tokens",
        json={"application_id": robot["applicationId"]},
    )
    as_robot = {"authorization": f"Bearer {made.json()['token_value']}"}
    reply = await client.get(PATH, headers=as_robot)
    assert (reply.status_code, reply.json()["error_code"]) == (403, "PERMISSION_DENIED")


async def test_a_log_that_cannot_be_written_is_told_to_the_operator(
    client: httpx.AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / "lakeserve.db")) as connection:
        connection.execute("DROP TABLE audit_log")
        connection.commit()
    reply = await client.post(f"{SECRETS}/scopes/create", json={"scope": "s"})
    assert reply.status_code == 200
    assert "the audit log lacks" in caplog.text


async def test_a_fault_is_written_down(app: FastAPI, client: httpx.AsyncClient) -> None:
    @app.post("/api/2.0/fault")
    async def fault() -> None:
        raise ZeroDivisionError

    reply = await client.post("/api/2.0/fault", json={})
    assert reply.status_code == 500
    (entry,) = await entries(client)
    assert (entry["object"], entry["status"]) == ("/api/2.0/fault", 500)


@pytest.mark.parametrize(
    ("method", "path", "audited"),
    [
        ("POST", "/api/2.0/anything", True),
        ("DELETE", "/api/2.0/anything", True),
        ("GET", "/api/2.0/secrets/get", True),
        ("GET", "/api/2.0/secrets/list", False),
        ("POST", "/oidc/v1/token", False),
    ],
)
def test_what_is_written_down(method: str, path: str, audited: bool) -> None:
    assert is_audited({"type": "http", "method": method, "path": path}) is audited
