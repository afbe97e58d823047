from typing import Any

import httpx
from lakeserve.core.endpoints import ConfigUpdate, Endpoint, RegisteredModel, ServedEntity
from lakeserve.storage.database import Storage

BASE = "/api/2.0/serving-endpoints/iris/served-models"
MODEL = RegisteredModel("iris", "1")


def entity(entity_id: str) -> ServedEntity:
    return ServedEntity(entity_id, "iris-1", MODEL, "iris 1", "M.")


async def test_logs(client: httpx.AsyncClient, storage: Storage, states: Any) -> None:
    endpoint = Endpoint("e", "iris", None, "CUSTOM_MODEL", "a", 1, 1, (entity("old"),))
    await storage.write(lambda tx: tx.endpoints.save(endpoint))
    assert (await client.get(f"{BASE}/iris-1/build-logs")).json() == {"logs": ""}
    states.logs = {"build old": "Resolved 3 packages", "old": "loading", "build new": "again"}
    assert (await client.get(f"{BASE}/iris-1/build-logs")).json()["logs"] == "Resolved 3 packages"
    assert (await client.get(f"{BASE}/iris-1/logs")).json() == {"logs": "loading"}
    update = ConfigUpdate("u", (entity("new"),), 2)
    await storage.write(lambda tx: tx.endpoints.set_update("e", update))
    assert (await client.get(f"{BASE}/iris-1/build-logs")).json() == {"logs": "again"}


async def test_what_has_no_logs(client: httpx.AsyncClient, storage: Storage) -> None:
    endpoint = Endpoint("e", "iris", None, "CUSTOM_MODEL", "a", 1, 1, (entity("old"),))
    await storage.write(lambda tx: tx.endpoints.save(endpoint))
    missing = await client.get(f"{BASE}/other/logs")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    del client.headers["authorization"]
    assert (await client.get(f"{BASE}/iris-1/logs")).status_code == 401
