"""Who may scrape what."""

from typing import Any

import httpx
import pytest
from lakeserve.control.metrics import is_local
from starlette.requests import Request

ENDPOINTS = "/api/2.0/serving-endpoints"
MODEL = {
    "name": "gpt-4",
    "provider": "openai",
    "task": "llm/v1/chat",
    "openai_config": {"openai_api_key_plaintext": "sk-x"},
}
CONFIG = {"served_entities": [{"name": "gpt", "external_model": MODEL}]}


def acl(level: str) -> dict[str, Any]:
    return {"access_control_list": [{"permission_level": level, "group_name": "users"}]}


@pytest.fixture
async def robot(client: httpx.AsyncClient) -> dict[str, str]:
    body = {"applicationId": "robot", "displayName": "Robot"}
    await client.post("/api/2.0/preview/scim/v2/ServicePrincipals", json=body)
    made = await client.post(
        "/api/2.0/token-management/on-behalf-of/tokens", json={"application_id": "robot"}
    )
    return {"authorization": f"Bearer {made.json()['token_value']}"}


async def test_an_endpoints_metrics_take_the_right_to_query_it(
    client: httpx.AsyncClient, robot: dict[str, str]
) -> None:
    made = (await client.post(ENDPOINTS, json={"name": "mine", "config": CONFIG})).json()
    path, grants = (
        f"{ENDPOINTS}/mine/metrics",
        f"/api/2.0/permissions/serving-endpoints/{made['id']}",
    )
    reply = await client.get(path)
    assert reply.text == f'endpoint{{id="{made["id"]}"}} 1\n'
    assert reply.headers["content-type"].startswith("text/plain")
    assert (await client.get(path, headers=robot)).status_code == 404
    await client.put(grants, json=acl("CAN_VIEW"))
    refused = await client.get(path, headers=robot)
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    await client.put(grants, json=acl("CAN_QUERY"))
    assert (await client.get(path, headers=robot)).status_code == 200


async def test_built_in_endpoints_have_none(client: httpx.AsyncClient) -> None:
    reply = await client.get(f"{ENDPOINTS}/databricks-bge-large-en/metrics")
    assert (reply.status_code, reply.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


async def test_the_platforms_metrics(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/metrics")).text == "platform 1\n"
    through_a_proxy = await stranger.get("/metrics", headers={"x-forwarded-for": "10.0.0.1"})
    assert through_a_proxy.status_code == 401


async def test_a_token_must_be_an_administrators(
    client: httpx.AsyncClient, robot: dict[str, str]
) -> None:
    forwarded = {"x-forwarded-for": "10.0.0.1"}
    assert (await client.get("/metrics", headers=forwarded)).text == "platform 1\n"
    assert (await client.get("/metrics", headers=robot)).status_code == 403


@pytest.mark.parametrize(
    ("client", "local"),
    [(("127.0.0.1", 1), True), (("::1", 1), True), (("10.0.0.1", 1), False), (None, False)],
)
def test_who_is_on_this_machine(client: Any, local: bool) -> None:
    request = Request({"type": "http", "headers": [], "client": client})
    assert is_local(request) is local


def test_a_socket_without_an_address_is_elsewhere() -> None:
    assert not is_local(Request({"type": "http", "headers": [], "client": ("unix:", 0)}))
