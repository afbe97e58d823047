"""The permissions API of serving endpoints, ``/api/2.0/permissions/serving-endpoints``."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from lakeserve.control.authorization import Caller
from lakeserve.control.endpoints.bodies import Text
from lakeserve.control.permissions.presentation import Json, levels, shown
from lakeserve.control.permissions.service import PermissionService
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.grants import Grant, GranteeKind, Level
from lakeserve.core.identity import Principal

BASE = "/api/2.0/permissions/serving-endpoints/{endpoint_id}"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Entry(_Body):
    permission_level: Level
    user_name: Text | None = None
    group_name: Text | None = None
    service_principal_name: Text | None = None


class _AccessControlList(_Body):
    access_control_list: list[_Entry] | None = None


def permission_routes(service: PermissionService, caller: Caller) -> APIRouter:
    """Routes of permissions on serving endpoints."""
    router = APIRouter(prefix=BASE, dependencies=[Depends(caller)])
    who_calls = Annotated[Principal, Depends(caller)]

    @router.get("/permissionLevels")
    async def permission_levels(endpoint_id: str, who: who_calls) -> Json:
        await service.check_may_see(endpoint_id, who)
        return levels()

    @router.get("")
    async def get_permissions(endpoint_id: str, who: who_calls) -> Json:
        return shown(await service.get(endpoint_id, who))

    @router.put("")
    async def set_permissions(endpoint_id: str, body: _AccessControlList, who: who_calls) -> Json:
        return shown(await service.replace(endpoint_id, _grants(body), who))

    @router.patch("")
    async def update_permissions(
        endpoint_id: str, body: _AccessControlList, who: who_calls
    ) -> Json:
        return shown(await service.add(endpoint_id, _grants(body), who))

    return router


def _grants(body: _AccessControlList) -> list[Grant]:
    return [_grant(entry, index) for index, entry in enumerate(body.access_control_list or ())]


def _grant(entry: _Entry, index: int) -> Grant:
    given: dict[GranteeKind, str | None] = {
        "user": entry.user_name,
        "group": entry.group_name,
        "service_principal": entry.service_principal_name,
    }
    named = [(kind, name) for kind, name in given.items() if name]
    if len(named) != 1:
        raise InvalidParameter(
            f"Field 'access_control_list.{index}' must have exactly one of user_name, group_name"
            " and service_principal_name."
        )
    return Grant(*named[0], entry.permission_level)
