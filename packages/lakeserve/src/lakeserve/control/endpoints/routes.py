"""The serving-endpoints API, ``/api/2.0/serving-endpoints``."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse

from lakeserve.control.authorization import Caller
from lakeserve.control.endpoints.gateway_presentation import gateway_block, rate_limits
from lakeserve.control.endpoints.gateway_requests import AiGatewayInput, RateLimitsInput
from lakeserve.control.endpoints.openapi import openapi_document
from lakeserve.control.endpoints.presentation import (
    Json,
    detail,
    foundation_summary,
    is_foundation,
    notifications,
    summary,
    tags,
)
from lakeserve.control.endpoints.requests import (
    ConfigInput,
    CreateInput,
    NotificationsInput,
    TagsInput,
)
from lakeserve.control.endpoints.service import EndpointService, EntityStates
from lakeserve.control.endpoints.throughput import (
    PtCreateInput,
    PtUpdateInput,
    as_config,
    as_create,
)
from lakeserve.control.endpoints.unenforced import refuse
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.identity import Principal
from lakeserve.core.permissions import level_of

BASE = "/api/2.0/serving-endpoints"


def endpoint_routes(service: EndpointService, states: EntityStates, caller: Caller) -> APIRouter:
    """Routes of serving endpoints."""
    router = APIRouter(prefix=BASE, dependencies=[Depends(caller)])
    _add_life(router, service, states, caller)
    _add_throughput(router, service, states, caller)
    _add_parts(router, service, caller)
    return router


def _add_life(
    router: APIRouter, service: EndpointService, states: EntityStates, caller: Caller
) -> None:
    who_calls = Annotated[Principal, Depends(caller)]

    def shown(endpoint: Endpoint, who: Principal) -> Json:
        return detail(endpoint, states.states(), level_of(endpoint, who) or "")

    @router.get("")
    async def list_endpoints(who: who_calls) -> Json:
        seen = states.states()
        return {"endpoints": [summary(endpoint, seen) for endpoint in await service.all(who)]}

    @router.get(":foundation-models")
    async def foundation_models(who: who_calls) -> Json:
        seen = states.states()
        found = [each for each in await service.all(who) if is_foundation(each)]
        return {"endpoints": [foundation_summary(endpoint, seen) for endpoint in found]}

    @router.post("")
    async def create(body: CreateInput, who: who_calls) -> Json:
        return shown(await service.create(body, who), who)

    @router.get("/{name}")
    async def get_endpoint(name: str, who: who_calls) -> Json:
        return shown(await service.get(name, who), who)

    @router.delete("/{name}")
    async def delete(name: str, who: who_calls) -> Json:
        await service.delete(name, who)
        return {}

    @router.put("/{name}/config")
    async def update_config(name: str, body: ConfigInput, who: who_calls) -> Json:
        return shown(await service.update_config(name, body, who), who)

    @router.get("/{name}/openapi", response_class=PlainTextResponse)
    async def openapi(name: str, who: who_calls) -> PlainTextResponse:
        return PlainTextResponse(openapi_document(await service.get(name, who)))


def _add_throughput(
    router: APIRouter, service: EndpointService, states: EntityStates, caller: Caller
) -> None:
    who_calls = Annotated[Principal, Depends(caller)]

    @router.post("/pt")
    async def create_provisioned(body: PtCreateInput, who: who_calls) -> Json:
        made = await service.create(as_create(body, service.added_models()), who)
        return detail(made, states.states(), level_of(made, who) or "")

    @router.put("/pt/{name}/config")
    async def update_provisioned(name: str, body: PtUpdateInput, who: who_calls) -> Json:
        await service.check_may_change(name, who)
        config = as_config(body.config, service.added_models())
        updated = await service.update_config(name, config, who, "config.")
        return detail(updated, states.states(), level_of(updated, who) or "")


def _add_parts(router: APIRouter, service: EndpointService, caller: Caller) -> None:
    who_calls = Annotated[Principal, Depends(caller)]

    @router.patch("/{name}/tags")
    async def change_tags(name: str, body: TagsInput, who: who_calls) -> Json:
        return {"tags": tags((await service.change_tags(name, body, who)).tags)}

    @router.patch("/{name}/notifications")
    async def notify(name: str, body: NotificationsInput, who: who_calls) -> Json:
        stored = await service.notify(name, body, who)
        return {"name": name, "email_notifications": notifications(stored)}

    @router.put("/{name}/rate-limits")
    async def set_rate_limits(name: str, body: RateLimitsInput, who: who_calls) -> Json:
        return {"rate_limits": rate_limits(await service.limit(name, body, who))}

    @router.put("/{name}/ai-gateway")
    async def set_ai_gateway(name: str, who: who_calls, body: AiGatewayInput | None = None) -> Json:
        stored = await service.govern(name, body, who)
        return {} if stored is None else gateway_block(stored)

    @router.patch("/{name}/telemetry-config", include_in_schema=False)
    async def set_telemetry(name: str, who: who_calls) -> Json:
        await service.check_may_change(name, who)
        raise refuse("Telemetry of serving endpoints")
