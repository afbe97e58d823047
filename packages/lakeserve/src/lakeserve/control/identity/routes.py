"""The SCIM routes: who am I, users, service principals and groups."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from lakeserve.control.authorization import Caller
from lakeserve.control.identity.scim import (
    USUAL_RESOURCES,
    Json,
    Operation,
    group_resource,
    matching,
    operations,
    page,
    service_principal_resource,
    user_resource,
)
from lakeserve.control.identity.service import (
    ACCOUNT_ATTRIBUTES,
    FORGOTTEN_ATTRIBUTES,
    GROUP_ATTRIBUTES,
    Directory,
    IdentityService,
    settings_of,
)
from lakeserve.core.accounts import Account, AccountKind, Group
from lakeserve.core.identity import Principal

BASE = "/api/2.0/preview/scim/v2"

Body = dict[str, Any]
Shown = Callable[[Account, tuple[Group, ...]], Json]

_FILTERS: Mapping[AccountKind, Mapping[str, str]] = {
    "user": {
        "userName": "name",
        "displayName": "display_name",
        "externalId": "external_id",
        "id": "id",
    },
    "service_principal": {
        "applicationId": "name",
        "displayName": "display_name",
        "externalId": "external_id",
        "id": "id",
    },
}
_GROUP_FILTERS = {"displayName": "name", "externalId": "external_id", "id": "id"}


class _ListQuery:
    """What every list call may ask for; attributes and order are left as they are."""

    def __init__(
        self,
        expression: Annotated[str | None, Query(alias="filter")] = None,
        start: Annotated[int, Query(alias="startIndex")] = 1,
        count: int = USUAL_RESOURCES,
    ) -> None:
        self.expression = expression
        self.start = start
        self.count = count


def identity_routes(service: IdentityService, caller: Caller, workspace_id: str) -> APIRouter:
    """The routes; ``workspace_id`` travels in a header of ``Me``, where clients look."""
    router = APIRouter(prefix=BASE)

    @router.get("/Me")
    async def me(principal: Annotated[Principal, Depends(caller)], response: Response) -> Json:
        response.headers["X-Databricks-Org-Id"] = workspace_id
        known = await service.account(None, principal.id)
        return user_resource(known.accounts[0], known.groups)

    _add_accounts(router, service, caller, "user", "/Users", user_resource)
    _add_accounts(
        router,
        service,
        caller,
        "service_principal",
        "/ServicePrincipals",
        service_principal_resource,
    )
    _add_groups(router, service, caller)
    return router


def _add_accounts(
    router: APIRouter,
    service: IdentityService,
    caller: Caller,
    kind: AccountKind,
    path: str,
    shown: Shown,
) -> None:
    async def resource(account_id: str) -> Json:
        known = await service.account(kind, account_id)
        return shown(known.accounts[0], known.groups)

    @router.get(path, dependencies=[Depends(caller)])
    async def show(query: Annotated[_ListQuery, Depends()]) -> Json:
        known = await service.accounts(kind)
        found = matching(query.expression, known.accounts, _FILTERS[kind])
        return page([shown(each, known.groups) for each in found], query.start, query.count)

    @router.post(path, status_code=201)
    async def create(body: Body, who: Annotated[Principal, Depends(caller)]) -> Json:
        made = await service.create_account(who, kind, body)
        return await resource(made.id)

    @router.get(path + "/{account_id}", dependencies=[Depends(caller)])
    async def get(account_id: str) -> Json:
        return await resource(account_id)

    @router.put(path + "/{account_id}")
    async def put(account_id: str, body: Body, who: Annotated[Principal, Depends(caller)]) -> Json:
        # A PUT that leaves an attribute out sets it back.
        unset: Body = {"active": True, "externalId": None, "entitlements": [], "roles": []}
        await service.update_account(who, kind, account_id, settings_of({**unset, **body}))
        return await resource(account_id)

    @router.patch(path + "/{account_id}")
    async def patch(
        account_id: str, body: Body, who: Annotated[Principal, Depends(caller)]
    ) -> Json:
        made = operations(body, (*ACCOUNT_ATTRIBUTES, *FORGOTTEN_ATTRIBUTES))
        await service.update_account(who, kind, account_id, made)
        return await resource(account_id)

    @router.delete(path + "/{account_id}")
    async def delete(account_id: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        await service.delete_account(who, kind, account_id)
        return {}


def _add_groups(router: APIRouter, service: IdentityService, caller: Caller) -> None:
    @router.get("/Groups", dependencies=[Depends(caller)])
    async def show(query: Annotated[_ListQuery, Depends()]) -> Json:
        known = await service.groups()
        accounts = {account.id: account for account in known.accounts}
        found = matching(query.expression, known.groups, _GROUP_FILTERS)
        resources = [group_resource(group, accounts) for group in found]
        return page(resources, query.start, query.count)

    @router.post("/Groups", status_code=201)
    async def create(body: Body, who: Annotated[Principal, Depends(caller)]) -> Json:
        return _first_group(await service.create_group(who, body))

    @router.get("/Groups/{group_id}", dependencies=[Depends(caller)])
    async def get(group_id: str) -> Json:
        return _first_group(await service.group(group_id))

    @router.put("/Groups/{group_id}")
    async def put(group_id: str, body: Body, who: Annotated[Principal, Depends(caller)]) -> Json:
        changes = [Operation("replace", "members", body.get("members") or [])]
        changes += [
            Operation("set", name, body[name])
            for name in ("displayName", "externalId")
            if name in body
        ]
        return _first_group(await service.update_group(who, group_id, changes))

    @router.patch("/Groups/{group_id}")
    async def patch(group_id: str, body: Body, who: Annotated[Principal, Depends(caller)]) -> Json:
        changes = operations(body, GROUP_ATTRIBUTES)
        return _first_group(await service.update_group(who, group_id, changes))

    @router.delete("/Groups/{group_id}")
    async def delete(group_id: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        await service.delete_group(who, group_id)
        return {}


def _first_group(known: Directory) -> Json:
    return group_resource(known.groups[0], {account.id: account for account in known.accounts})
