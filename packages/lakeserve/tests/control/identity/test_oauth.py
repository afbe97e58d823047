import base64
from typing import Any

import httpx
import jwt
import pytest
from lakeserve.control.identity.oauth import (
    OAuthError,
    client_credentials,
    form_fields,
    secret_info,
)
from lakeserve.core.accounts import ClientSecret

SCIM = "/api/2.0/preview/scim/v2"
TOKEN = "/oidc/v1/token"
GRANT = {"grant_type": "client_credentials", "scope": "all-apis"}


async def robot(client: httpx.AsyncClient) -> tuple[dict[str, Any], str]:
    """A new service principal and the path of its secrets."""
    reply = await client.post(f"{SCIM}/ServicePrincipals", json={"displayName": "Robot"})
    made: dict[str, Any] = reply.json()
    return made, f"/api/2.0/accounts/servicePrincipals/{made['id']}/credentials/secrets"


async def test_a_service_principal_logs_in(client: httpx.AsyncClient) -> None:
    made, path = await robot(client)
    secret = (await client.post(path, json={})).json()
    assert secret["status"] == "ACTIVE"
    login = (made["applicationId"], secret["secret"])
    reply = await client.post(TOKEN, data=GRANT, auth=login)
    assert reply.status_code == 200, reply.text
    issued = reply.json()
    assert (issued["token_type"], issued["expires_in"]) == ("Bearer", 3600)
    me = await client.get(
        f"{SCIM}/Me", headers={"authorization": f"Bearer {issued['access_token']}"}
    )
    assert me.json()["userName"] == made["applicationId"]

    keys = jwt.PyJWKSet.from_dict((await client.get("/oidc/jwks.json")).json())
    key_id = jwt.get_unverified_header(issued["access_token"])["kid"]
    issuer = "http://lake.test:8400/oidc"
    claims = jwt.decode(issued["access_token"], keys[key_id], ["ES256"], audience=issuer)
    assert (claims["iss"], claims["sub"]) == (issuer, made["applicationId"])

    fields = {**GRANT, "client_id": login[0], "client_secret": login[1]}
    del client.headers["authorization"]
    assert (await client.post(TOKEN, data=fields)).status_code == 200
    assert len((await client.get("/oidc/jwks.json")).json()["keys"]) == 1


async def test_secrets_are_shown_once_and_can_be_deleted(client: httpx.AsyncClient) -> None:
    made, path = await robot(client)
    secret = (await client.post(path, json={"lifetime": "60s"})).json()
    listed = await client.get(path)
    assert secret["secret"] not in listed.text
    assert [each["id"] for each in listed.json()["secrets"]] == [secret["id"]]
    assert (await client.delete(f"{path}/{secret['id']}")).json() == {}
    assert (await client.delete(f"{path}/{secret['id']}")).status_code == 404
    login = (made["applicationId"], secret["secret"])
    assert (await client.post(TOKEN, data=GRANT, auth=login)).status_code == 401

    for _ in range(5):
        await client.post(path, json={})
    full = await client.post(path, json={})
    assert full.json()["error_code"] == "RESOURCE_LIMIT_EXCEEDED"
    for lifetime in ("60", "0s", "999999999s"):
        reply = await client.post(path, json={"lifetime": lifetime})
        assert (reply.status_code, lifetime in reply.json()["message"]) == (400, True)
    assert (await client.post(path, json={"scopes": ["sql"]})).status_code == 501
    nobody = path.replace(made["id"], "404")
    assert (await client.get(nobody)).json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


async def test_a_token_ends_with_its_service_principal(client: httpx.AsyncClient) -> None:
    made, path = await robot(client)
    secret = (await client.post(path, json={})).json()["secret"]
    login = (made["applicationId"], secret)
    token = (await client.post(TOKEN, data=GRANT, auth=login)).json()["access_token"]
    body = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    await client.patch(f"{SCIM}/ServicePrincipals/{made['id']}", json=body)
    me = await client.get(f"{SCIM}/Me", headers={"authorization": f"Bearer {token}"})
    assert (me.status_code, me.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert (await client.post(TOKEN, data=GRANT, auth=login)).status_code == 401


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "sql"}, 400, "invalid_scope"),
        (GRANT, 401, "invalid_client"),
    ],
)
async def test_logins_that_are_refused(
    stranger: httpx.AsyncClient, fields: dict[str, str], status: int, error: str
) -> None:
    reply = await stranger.post(TOKEN, data=fields, auth=("nobody", "wrong"))
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert set(reply.json()) == {"error", "error_description"}
    assert reply.headers["content-type"] == "application/json"


async def test_a_login_without_credentials(stranger: httpx.AsyncClient) -> None:
    reply = await stranger.post(TOKEN, data=GRANT)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    assert reply.headers["www-authenticate"] == "Basic"
    long = await stranger.post(TOKEN, content=b"a=" + b"x" * 20_000)
    assert (long.status_code, long.json()["error"]) == (400, "invalid_request")


def test_forms() -> None:
    assert form_fields(b"a=1&b=x+y%21") == {"a": "1", "b": "x y!"}
    for refused in (b"a=1&a=2", b"\xff", b"a=%ff", b"&".join([b"a=1"] * 60)):
        with pytest.raises(OAuthError):
            form_fields(refused)


def test_credentials() -> None:
    encoded = base64.b64encode(b"id%2B:se%3Acret").decode()
    assert client_credentials(f"Basic {encoded}", {}) == ("id+", "se:cret")
    assert client_credentials(None, {"client_id": "a", "client_secret": "b"}) == ("a", "b")
    for header in ("Basic ???", "Basic", "Bearer x", None):
        with pytest.raises(OAuthError):
            client_credentials(header, {})


def test_times_are_in_rfc_3339() -> None:
    shown = secret_info(ClientSecret("i", "8", "digest", 0, expires_at=1500))
    assert shown["create_time"] == "1970-01-01T00:00:00.000Z"
    assert shown["expire_time"] == "1970-01-01T00:00:01.500Z"
    assert shown["status"] == "EXPIRED"
    assert "expire_time" not in secret_info(ClientSecret("i", "8", "digest", 0))
