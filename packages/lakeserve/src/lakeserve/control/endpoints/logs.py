"""Logs of registered models: what the build of their environment and their worker have written."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends

from lakeserve.control.authorization import Caller
from lakeserve.control.endpoints.service import EndpointService
from lakeserve.core.endpoints import RegisteredModel
from lakeserve.core.errors import InvalidParameter, ResourceMissing
from lakeserve.core.identity import Principal

BASE = "/api/2.0/serving-endpoints/{name}/served-models/{entity}"


class ModelLogs(Protocol):
    """Knows what was written for an entity; None for nothing yet."""

    def build_log(self, entity_id: str) -> str | None:
        """Of the build of its environment."""
        ...

    def log(self, entity_id: str) -> str | None:
        """Of its worker."""
        ...


def log_routes(service: EndpointService, logs: ModelLogs, caller: Caller) -> APIRouter:
    """Routes of logs, for those who may manage the endpoint: a model may print what it is asked."""
    router = APIRouter(prefix=BASE, dependencies=[Depends(caller)])
    who_calls = Annotated[Principal, Depends(caller)]

    async def entity_id(name: str, entity: str, who: Principal) -> str:
        await service.check_may_change(name, who)
        endpoint = await service.get(name, who)
        coming = () if endpoint.update is None else endpoint.update.entities
        # The newest of that name: its build is what one waits for.
        for each in (*coming, *endpoint.entities):
            if each.name == entity:
                if not isinstance(each.backend, RegisteredModel):
                    raise InvalidParameter(f"Served entity '{entity}' is not a registered model.")
                return each.id
        raise ResourceMissing(f"Endpoint '{name}' has no served entity '{entity}'.")

    @router.get("/build-logs")
    async def build_logs(name: str, entity: str, who: who_calls) -> dict[str, str]:
        return {"logs": logs.build_log(await entity_id(name, entity, who)) or ""}

    @router.get("/logs")
    async def model_logs(name: str, entity: str, who: who_calls) -> dict[str, str]:
        return {"logs": logs.log(await entity_id(name, entity, who)) or ""}

    return router
