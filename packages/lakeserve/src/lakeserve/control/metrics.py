"""What Prometheus scrapes: the platform's metrics, and those of one endpoint."""

from ipaddress import ip_address
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from lakeserve.control.authorization import Caller, require_admin
from lakeserve.control.endpoints.service import EndpointService
from lakeserve.core.errors import PermissionDenied, ResourceMissing
from lakeserve.core.identity import Principal
from lakeserve.core.permissions import who_may

PATH = "/metrics"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Metrics(Protocol):
    """Has the metrics as text."""

    def platform(self) -> bytes:
        """Of the whole platform."""
        ...

    def endpoint(self, endpoint_id: str) -> bytes:
        """Of one endpoint."""
        ...


def metrics_routes(metrics: Metrics, service: EndpointService, caller: Caller) -> APIRouter:
    """The routes for scrapers."""
    router = APIRouter()

    @router.get(PATH, response_class=PlainTextResponse)
    def of_platform(request: Request) -> PlainTextResponse:
        if "authorization" in request.headers or not is_local(request):
            require_admin(caller(request), "read the platform's metrics from elsewhere")
        return _plain(metrics.platform())

    @router.get("/api/2.0/serving-endpoints/{name}/metrics", response_class=PlainTextResponse)
    async def of_endpoint(
        name: str, who: Annotated[Principal, Depends(caller)]
    ) -> PlainTextResponse:
        endpoint = await service.get(name, who)
        if endpoint.endpoint_type == "FOUNDATION_MODEL_API":
            raise ResourceMissing(f"The built-in endpoint '{name}' has no metrics of its own.")
        if not who_may(endpoint, "CAN_QUERY").include(who):
            raise PermissionDenied(f"{who.name} does not have CAN_QUERY on '{name}'.")
        return _plain(metrics.endpoint(endpoint.id))

    return router


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine itself, not through a proxy on it."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _plain(text: bytes) -> PlainTextResponse:
    return PlainTextResponse(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
