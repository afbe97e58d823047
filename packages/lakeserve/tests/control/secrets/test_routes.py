import base64
from typing import Any

import httpx
import pytest

SCOPE = {"scope": "scope"}
SECRET = {"scope": "scope", "key": "key"}


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/2.0/secrets{path}", json=body)


async def get(client: httpx.AsyncClient, path: str, **query: str) -> httpx.Response:
    return await client.get(f"/api/2.0/secrets{path}", params=query)


def check(reply: httpx.Response, status: int, error_code: str, text: str = "") -> None:
    assert (reply.status_code, reply.json()["error_code"]) == (status, error_code), reply.text
    assert text in reply.json()["message"]


@pytest.fixture
async def scope(client: httpx.AsyncClient) -> httpx.AsyncClient:
    reply = await post(client, "/scopes/create", **SCOPE, initial_manage_principal="users")
    assert (reply.status_code, reply.json()) == (200, {})
    return client


async def test_scopes(client: httpx.AsyncClient) -> None:
    assert (await get(client, "/scopes/list")).json() == {"scopes": []}
    assert (await post(client, "/scopes/create", **SCOPE)).json() == {}
    again = await post(client, "/scopes/create", **SCOPE)
    check(again, 400, "RESOURCE_ALREADY_EXISTS", "Scope scope already exists!")
    listed = (await get(client, "/scopes/list")).json()
    assert listed == {"scopes": [{"name": "scope", "backend_type": "DATABRICKS"}]}
    acls = (await get(client, "/acls/list", **SCOPE)).json()
    assert acls == {"items": [{"principal": "admin@lakeserve.local", "permission": "MANAGE"}]}
    assert (await post(client, "/scopes/delete", **SCOPE)).json() == {}
    gone = await post(client, "/scopes/delete", **SCOPE)
    check(gone, 404, "RESOURCE_DOES_NOT_EXIST", "Scope scope does not exist!")


async def test_scopes_that_are_refused(client: httpx.AsyncClient) -> None:
    named = await post(client, "/scopes/create", scope="a b")
    check(named, 400, "INVALID_PARAMETER_VALUE", "'a b'")
    managed = await post(client, "/scopes/create", **SCOPE, initial_manage_principal="me")
    check(managed, 400, "INVALID_PARAMETER_VALUE", "accepted: 'users'")
    azure = await post(client, "/scopes/create", **SCOPE, scope_backend_type="AZURE_KEYVAULT")
    check(azure, 501, "NOT_IMPLEMENTED", "Azure Key Vault")
    unknown = await post(client, "/scopes/create", **SCOPE, colour="red")
    check(unknown, 400, "INVALID_PARAMETER_VALUE", "Unknown field 'colour'")
    missing = await post(client, "/scopes/create")
    check(missing, 400, "INVALID_PARAMETER_VALUE", "'scope' is required")


async def test_secrets(scope: httpx.AsyncClient) -> None:
    assert (await post(scope, "/put", **SECRET, string_value="one")).json() == {}
    assert (await post(scope, "/put", **SECRET, string_value="zwei ☃")).json() == {}
    value = (await get(scope, "/get", **SECRET)).json()
    assert base64.b64decode(value["value"]).decode() == "zwei ☃"
    assert value["key"] == "key"
    raw = base64.b64encode(b"\x00\xff").decode()
    await post(scope, "/put", scope="scope", key="bytes", bytes_value=raw)
    assert (await get(scope, "/get", scope="scope", key="bytes")).json()["value"] == raw

    listed = (await get(scope, "/list", **SCOPE)).json()["secrets"]
    assert [each["key"] for each in listed] == ["bytes", "key"]
    assert all(set(each) == {"key", "last_updated_timestamp"} for each in listed)
    assert (await post(scope, "/delete", **SECRET)).json() == {}
    text = "Secret does not exist with scope: scope and key: key"
    check(await post(scope, "/delete", **SECRET), 404, "RESOURCE_DOES_NOT_EXIST", text)
    check(await get(scope, "/get", **SECRET), 404, "RESOURCE_DOES_NOT_EXIST", text)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Exactly one of"),
        ({"string_value": "sk-secret", "bytes_value": "sk-secret"}, "Exactly one of"),
        ({"string_value": ["sk-secret"]}, "'string_value' has to be a string"),
        ({"string_value": {"sk-secret": "sk-secret"}}, "'string_value' has to be a string"),
        ({"bytes_value": "sk-secret"}, "'bytes_value' is not in base64"),
        ({"bytes_value": "sk-sécret"}, "'bytes_value' is not in base64"),
        ({"string_value": "sk-secret" * 20000}, "180000 bytes; accepted: at most 131072"),
        ({"string_value": "x", "value": "sk-secret"}, "Unknown field 'value'"),
    ],
)
async def test_values_that_are_refused_are_not_repeated(
    scope: httpx.AsyncClient, values: dict[str, Any], text: str
) -> None:
    reply = await post(scope, "/put", **SECRET, **values)
    check(reply, 400, "INVALID_PARAMETER_VALUE", text)
    assert "secret" not in reply.text.replace("INVALID", "")


async def test_a_body_that_is_no_object_is_not_repeated(scope: httpx.AsyncClient) -> None:
    reply = await scope.post("/api/2.0/secrets/put", json=["sk-secret"])
    check(reply, 400, "INVALID_PARAMETER_VALUE")
    assert "sk-secret" not in reply.text


async def test_a_body_of_any_content_type_is_json(client: httpx.AsyncClient) -> None:
    for number, kind in enumerate(("text/json", "application/x-www-form-urlencoded")):
        content = f'{{"scope": "scope{number}"}}'
        reply = await client.post(
            "/api/2.0/secrets/scopes/create", content=content, headers={"content-type": kind}
        )
        assert (reply.status_code, reply.json()) == (200, {})


async def test_missing_scopes(client: httpx.AsyncClient) -> None:
    for reply in (
        await get(client, "/list", **SCOPE),
        await get(client, "/get", **SECRET),
        await get(client, "/acls/list", **SCOPE),
        await post(client, "/put", **SECRET, string_value="x"),
        await post(client, "/acls/put", **SCOPE, principal="users", permission="READ"),
        await post(client, "/acls/delete", **SCOPE, principal="users"),
    ):
        check(reply, 404, "RESOURCE_DOES_NOT_EXIST", "Scope scope does not exist!")


async def test_acls(scope: httpx.AsyncClient) -> None:
    assert (
        await post(scope, "/acls/put", **SCOPE, principal="users", permission="READ")
    ).json() == {}
    users = {"principal": "users", "permission": "READ"}
    assert (await get(scope, "/acls/get", **SCOPE, principal="users")).json() == users
    assert (await get(scope, "/acls/list", **SCOPE)).json() == {"items": [users]}
    nobody = await post(scope, "/acls/put", **SCOPE, principal="nobody", permission="READ")
    check(nobody, 400, "INVALID_PARAMETER_VALUE", "'nobody'")
    wrong = await post(scope, "/acls/put", **SCOPE, principal="users", permission="OWN")
    check(wrong, 400, "INVALID_PARAMETER_VALUE", "'OWN'")
    assert (await post(scope, "/acls/delete", **SCOPE, principal="users")).json() == {}
    gone = await get(scope, "/acls/get", **SCOPE, principal="users")
    check(gone, 404, "RESOURCE_DOES_NOT_EXIST", "principal: users")
    check(
        await post(scope, "/acls/delete", **SCOPE, principal="users"),
        404,
        "RESOURCE_DOES_NOT_EXIST",
    )


async def test_strangers(stranger: httpx.AsyncClient) -> None:
    check(await get(stranger, "/scopes/list"), 401, "UNAUTHENTICATED")
    check(await post(stranger, "/put", **SECRET, string_value="x"), 401, "UNAUTHENTICATED")
