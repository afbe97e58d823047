import uuid

import httpx
import pytest
from lakeserve.control.discovery import account_id


async def test_health_needs_no_token(stranger: httpx.AsyncClient) -> None:
    reply = await stranger.get("/health")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


async def test_databricks_config_follows_the_host_that_was_asked(
    stranger: httpx.AsyncClient,
) -> None:
    path = "/.well-known/databricks-config"
    shown = (await stranger.get(path)).json()
    assert shown["oidc_endpoint"] == "http://lake.test:8400/oidc"
    assert shown["workspace_id"] == "4711"
    uuid.UUID(shown["account_id"])
    other = (await stranger.get(path, headers={"host": "other:1"})).json()
    assert other["oidc_endpoint"] == "http://other:1/oidc"


@pytest.mark.parametrize("host", ["evil/path", "a b", "user@host", "h:port", ""])
async def test_a_host_that_is_none_is_not_repeated(stranger: httpx.AsyncClient, host: str) -> None:
    reply = await stranger.get("/.well-known/databricks-config", headers={"host": host})
    assert reply.json()["oidc_endpoint"] == "http://lake.test:8400/oidc"


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
async def test_the_authorization_server(stranger: httpx.AsyncClient, name: str) -> None:
    shown = (await stranger.get(f"/oidc/.well-known/{name}")).json()
    assert shown["issuer"] == "http://lake.test:8400/oidc"
    assert shown["token_endpoint"] == "http://lake.test:8400/oidc/v1/token"
    assert shown["authorization_endpoint"] == "http://lake.test:8400/oidc/v1/authorize"


def test_an_account_stays_the_same() -> None:
    assert account_id("1") == account_id("1") != account_id("2")
