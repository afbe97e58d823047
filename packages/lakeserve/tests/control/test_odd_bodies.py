"""Bodies and queries that no client sends get a 4xx in the usual shape, never a fault."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SCIM = "/api/2.0/preview/scim/v2"
SECRETS = "/api/2.0/secrets"
CALLS = [
    ("POST", f"{SECRETS}/scopes/create", ["scope", "initial_manage_principal"]),
    ("POST", f"{SECRETS}/put", ["scope", "key", "string_value", "bytes_value"]),
    ("POST", f"{SECRETS}/acls/put", ["scope", "principal", "permission"]),
    ("POST", f"{SECRETS}/delete", ["scope", "key"]),
    ("POST", "/api/2.0/token/create", ["comment", "lifetime_seconds", "scopes"]),
    ("POST", "/api/2.0/token/delete", ["token_id"]),
    ("PATCH", "/api/2.0/token/x", ["token", "update_mask"]),
    ("POST", "/api/2.0/token-management/on-behalf-of/tokens", ["application_id", "comment"]),
    ("POST", f"{SCIM}/Users", ["userName", "displayName", "active", "externalId", "groups"]),
    ("PATCH", f"{SCIM}/Users/1001", ["Operations"]),
    ("PUT", f"{SCIM}/Users/1001", ["displayName", "active", "externalId"]),
    ("POST", f"{SCIM}/ServicePrincipals", ["displayName", "applicationId", "active"]),
    ("POST", f"{SCIM}/Groups", ["displayName", "members", "externalId"]),
    ("PATCH", f"{SCIM}/Groups/2", ["Operations"]),
    ("PUT", f"{SCIM}/Groups/1", ["displayName", "members"]),
    ("PUT", "/api/2.0/permissions/serving-endpoints/x", ["access_control_list"]),
    ("POST", "/api/2.0/accounts/servicePrincipals/1/credentials/secrets", ["lifetime", "scopes"]),
]

TEXTS = st.text(st.characters(), max_size=20)  # lone surrogates and NUL are among them
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["op", "path", "value", "members"]) | TEXTS, inner)
    ),
    max_leaves=8,
)
ODD_TEXTS = ["\ud800", "\x00", "a\x00b", "'", '"', "é" * 300]


def check(reply: httpx.Response) -> None:
    assert reply.status_code < 500 or reply.status_code == 501, (
        reply.request.url,
        reply.request.content,
    )
    if reply.status_code >= 400:
        assert set(reply.json()) == {"error_code", "message"}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_bodies(client: httpx.AsyncClient, data: st.DataObject) -> None:
    for method, path, fields in CALLS:
        body: Any = data.draw(VALUES | st.dictionaries(st.sampled_from(fields), VALUES))
        check(await client.request(method, path, content=json.dumps(body)))


@pytest.mark.parametrize("odd", ODD_TEXTS, ids=repr)
async def test_texts(client: httpx.AsyncClient, odd: str) -> None:
    for method, path, fields in CALLS:
        for field in fields:
            others = {other: "users" for other in fields if other != field}
            check(await client.request(method, path, content=json.dumps({field: odd})))
            check(await client.request(method, path, content=json.dumps({**others, field: odd})))
    patch = {"Operations": [{"op": "replace", "path": odd, "value": odd}]}
    for path in (f"{SCIM}/Users/1001", f"{SCIM}/Groups/2"):
        check(await client.patch(path, content=json.dumps(patch)))
        patch["Operations"][0]["path"] = "displayName"
        check(await client.patch(path, content=json.dumps(patch)))


@pytest.mark.parametrize("odd", ["%ff", "%00", "%ed%a0%80", "9" * 40, "-1", "a%20b"])
async def test_queries(client: httpx.AsyncClient, odd: str) -> None:
    for path in (
        f"{SECRETS}/get?scope={odd}&key={odd}",
        f"{SECRETS}/acls/get?scope={odd}&principal={odd}",
        f"{SCIM}/Users?filter={odd}",
        f"{SCIM}/Users?startIndex={odd}&count={odd}",
        f"{SCIM}/Groups/{odd}",
        f"/api/2.0/token-management/tokens?created_by_id={odd}",
        f"/api/2.0/token-management/tokens/{odd}",
        f"/api/2.0/lakeserve/audit-log?page_token={odd}",
        f"/api/2.0/lakeserve/audit-log?actor={odd}&max_results=1",
    ):
        check(await client.get(path))
