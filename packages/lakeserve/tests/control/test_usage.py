"""Sums of usage over the API: everybody's for administrators, one's own for others."""

from typing import Any

import httpx
import pytest
from lakeserve.control.usage import PATH
from lakeserve.core.usage import CallRecord
from lakeserve.storage.database import Storage
from lakeserve.storage.frames import Entry

DAY_MS = 24 * 3600 * 1000
CALL = CallRecord("r", None, "e", "chat", "s", "n", "anna", "chat", 200, False, 0, 1.0)


@pytest.fixture
async def robot(client: httpx.AsyncClient) -> dict[str, str]:
    """Headers of a service principal whose application id is ``robot``."""
    body = {"applicationId": "robot", "displayName": "Robot"}
    await client.post("/api/2.0/preview/scim/v2/ServicePrincipals", json=body)
    made = await client.post(
        "/api/2.0/token-management/on-behalf-of/tokens", json={"application_id": "robot"}
    )
    return {"authorization": f"Bearer {made.json()['token_value']}"}


@pytest.fixture
async def used(storage: Storage) -> None:
    entries = [
        Entry(CALL, 0.5),
        Entry(CALL._replace(request_id="r2", requester="robot", started_at=DAY_MS), 0.25),
    ]
    await storage.write(lambda tx: tx.usage.move("j", entries, workspace_id="1", now_ms=1))


@pytest.mark.usefixtures("used")
async def test_everybodys_usage(client: httpx.AsyncClient) -> None:
    reply = (await client.get(PATH)).json()
    assert (reply["by"], reply["currency"]) == ("endpoint", "USD")
    assert reply["usage"] == [
        {
            "endpoint": "chat",
            "calls": 2,
            "failed_calls": 0,
            "cached_calls": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "cost": 0.75,
        }
    ]
    by_user = (await client.get(PATH, params={"by": "user"})).json()["usage"]
    assert [(each["user"], each["cost"]) for each in by_user] == [("anna", 0.5), ("robot", 0.25)]
    newest = (await client.get(PATH, params={"by": "day", "since": "1970-01-02"})).json()["usage"]
    assert [(each["day"], each["calls"]) for each in newest] == [("1970-01-02", 1)]


@pytest.mark.usefixtures("used")
async def test_ones_own_usage(client: httpx.AsyncClient, robot: dict[str, str]) -> None:
    usage = (await client.get(PATH, params={"by": "user"}, headers=robot)).json()["usage"]
    assert [each["user"] for each in usage] == ["robot"]


@pytest.mark.parametrize("query", [{"by": "model"}, {"since": "yesterday"}])
async def test_wrong_queries_name_the_field(client: httpx.AsyncClient, query: Any) -> None:
    reply = await client.get(PATH, params=query)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert next(iter(query)) in reply.json()["message"]


async def test_strangers_see_nothing(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get(PATH)).status_code == 401
