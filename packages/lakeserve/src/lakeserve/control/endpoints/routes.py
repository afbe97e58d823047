"""The serving-endpoints API: what is there, and what cannot be changed."""

from collections.abc import Mapping
from typing import Protocol

from fastapi import APIRouter, Depends, Request

from lakeserve.control.authorization import Caller
from lakeserve.control.endpoints.presentation import Json, detail, summary
from lakeserve.core.endpoints import Endpoint, EntityState
from lakeserve.core.errors import InvalidParameter, NotBuilt, ResourceMissing
from lakeserve.storage.database import Storage

BASE = "/api/2.0/serving-endpoints"

# Method, what follows the endpoint's name, what it is called.
CHANGES = (
    ("DELETE", "", "Deleting serving endpoints"),
    ("PUT", "/config", "Updating the config of serving endpoints"),
    ("PUT", "/rate-limits", "Rate limits of serving endpoints"),
    ("PUT", "/ai-gateway", "The AI Gateway of serving endpoints"),
    ("PATCH", "/tags", "Tags of serving endpoints"),
    ("PATCH", "/notifications", "Notifications of serving endpoints"),
    ("PATCH", "/telemetry-config", "Telemetry of serving endpoints"),
)


class EntityStates(Protocol):
    """Answers with what was last seen of every served entity."""

    def states(self) -> Mapping[str, EntityState]:
        """By entity id."""
        ...


def endpoint_routes(storage: Storage, states: EntityStates, caller: Caller) -> APIRouter:
    """Routes that read endpoints, and that refuse to change the built-in ones."""
    router = APIRouter(prefix=BASE, dependencies=[Depends(caller)])

    @router.get("")
    async def list_endpoints() -> Json:
        endpoints = await storage.read(lambda transaction: transaction.endpoints.all())
        seen = states.states()
        return {"endpoints": [summary(endpoint, seen) for endpoint in endpoints]}

    @router.get("/{name}")
    async def get_endpoint(name: str) -> Json:
        endpoint = await _find(storage, name)
        # Everyone may call a built-in endpoint, and nobody may change it.
        return detail(endpoint, states.states(), permission_level="CAN_QUERY")

    for method, suffix, feature in CHANGES:
        _refuse_change(router, storage, method, suffix, feature)
    return router


def _refuse_change(
    router: APIRouter, storage: Storage, method: str, suffix: str, feature: str
) -> None:
    async def refuse(request: Request) -> Json:
        endpoint = await _find(storage, request.path_params["name"])
        if endpoint.endpoint_type == "FOUNDATION_MODEL_API":
            raise InvalidParameter(
                f"Endpoint '{endpoint.name}' is a built-in Foundation Model endpoint and cannot be"
                " changed or deleted here; the setting 'foundation' chooses what serves it."
            )
        raise NotBuilt(f"{feature} is not implemented in this version of lakeserve.")

    router.add_api_route("/{name}" + suffix, refuse, methods=[method], include_in_schema=False)


async def _find(storage: Storage, name: str) -> Endpoint:
    endpoint = await storage.read(lambda transaction: transaction.endpoints.find(name))
    if endpoint is None:
        raise ResourceMissing(f"Endpoint with name '{name}' does not exist.")
    return endpoint
