"""The clusters API as far as it stands here, and this platform's own calls that register hosts."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from lakeserve.control.authorization import Caller
from lakeserve.control.clusters.presentation import Json, chosen, cluster_info, page
from lakeserve.control.clusters.service import ClusterService, Registration
from lakeserve.core.errors import NotBuilt
from lakeserve.core.identity import Principal

VERSIONS = ("/api/2.0/clusters", "/api/2.1/clusters")
OWN = "/api/2.0/lakeserve/clusters"
MOST_PER_PAGE = 100


class _Registration(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    cluster_id: str
    host: str
    tls: bool = False
    ca_pem: str | None = None
    cluster_name: str = ""


class _ListQuery:
    """What a list call of the newer version may ask for."""

    def __init__(
        self,
        page_size: Annotated[int, Query(ge=0, le=MOST_PER_PAGE)] = 20,
        page_token: str | None = None,
        states: Annotated[list[str] | None, Query(alias="filter_by.cluster_states")] = None,
        sources: Annotated[list[str] | None, Query(alias="filter_by.cluster_sources")] = None,
        policy: Annotated[str | None, Query(alias="filter_by.policy_id")] = None,
        pinned: Annotated[bool | None, Query(alias="filter_by.is_pinned")] = None,
        field: Annotated[
            Literal["CLUSTER_NAME", "DEFAULT"], Query(alias="sort_by.field")
        ] = "DEFAULT",
        direction: Annotated[Literal["ASC", "DESC"], Query(alias="sort_by.direction")] = "ASC",
    ) -> None:
        if sources or policy or pinned:
            raise NotBuilt("Filtering clusters by source, policy or pin is not implemented.")
        self.page_size = page_size or 20
        self.page_token = page_token
        self.states = states
        self.by_name = field == "CLUSTER_NAME"
        self.descending = direction == "DESC"


def cluster_routes(service: ClusterService, caller: Caller) -> APIRouter:
    """Routes of both versions of the API, and of this platform's own."""
    router = APIRouter()
    who_calls = Annotated[Principal, Depends(caller)]

    @router.get(VERSIONS[0] + "/list")
    async def list_all(who: who_calls) -> Json:
        return {"clusters": [cluster_info(each, who) for each in await service.visible(who)]}

    @router.get(VERSIONS[1] + "/list")
    async def list_pages(who: who_calls, query: Annotated[_ListQuery, Depends()]) -> Json:
        found = chosen(
            await service.visible(who),
            query.states,
            by_name=query.by_name,
            descending=query.descending,
        )
        return page([cluster_info(each, who) for each in found], query.page_size, query.page_token)

    @router.get(VERSIONS[0] + "/get")
    @router.get(VERSIONS[1] + "/get")
    async def get(cluster_id: str, who: who_calls) -> Json:
        return cluster_info(await service.find(cluster_id, who), who)

    @router.post(OWN)
    async def register(body: _Registration, who: who_calls) -> Json:
        wanted = Registration(
            body.cluster_id, body.host, body.tls, body.ca_pem or None, body.cluster_name
        )
        return cluster_info(await service.register(wanted, who), who)

    @router.delete(OWN + "/{cluster_id}")
    async def remove(cluster_id: str, who: who_calls) -> Json:
        await service.remove(cluster_id, who)
        return {}

    return router
