"""The permissions API: serving endpoints, clusters and the use of tokens."""

from collections.abc import Iterable, Sequence
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

BASE = "/api/2.0/permissions/{kind}/{{object_id}}"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Entry(_Body):
    permission_level: Text
    user_name: Text | None = None
    group_name: Text | None = None
    service_principal_name: Text | None = None


class _AccessControlList(_Body):
    access_control_list: list[_Entry] | None = None


def permission_routes(service: PermissionService, path: str, caller: Caller) -> APIRouter:
    """Routes of permissions on things of one kind, which ``path`` names."""
    router = APIRouter(prefix=BASE.format(kind=path), dependencies=[Depends(caller)])
    who_calls = Annotated[Principal, Depends(caller)]
    kind = service.kind

    @router.get("/permissionLevels")
    async def permission_levels(object_id: str, who: who_calls) -> Json:
        await service.check_may_see(object_id, who)
        return levels(kind.levels)

    @router.get("")
    async def get_permissions(object_id: str, who: who_calls) -> Json:
        return shown(await service.get(object_id, who), kind)

    @router.put("")
    async def set_permissions(object_id: str, body: _AccessControlList, who: who_calls) -> Json:
        return shown(await service.replace(object_id, _grants(body, kind.levels), who), kind)

    @router.patch("")
    async def update_permissions(object_id: str, body: _AccessControlList, who: who_calls) -> Json:
        return shown(await service.add(object_id, _grants(body, kind.levels), who), kind)

    return router


def _grants(body: _AccessControlList, accepted: Iterable[Level]) -> list[Grant]:
    entries = body.access_control_list or ()
    return [_grant(entry, index, tuple(accepted)) for index, entry in enumerate(entries)]


def _grant(entry: _Entry, index: int, accepted: Sequence[Level]) -> Grant:
    level = next((each for each in accepted if each == entry.permission_level), None)
    if level is None:
        raise InvalidParameter(
            f"Field 'access_control_list.{index}.permission_level' has the value"
            f" '{entry.permission_level[:64]}'; accepted: {', '.join(accepted)}."
        )
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
    return Grant(*named[0], level)
