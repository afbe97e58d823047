"""The secrets API, ``/api/2.0/secrets``."""

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from lakeserve.control.authorization import Caller
from lakeserve.control.secrets.service import SecretService, value_of
from lakeserve.core.errors import NotBuilt
from lakeserve.core.identity import Principal
from lakeserve.core.secrets import Permission, SecretAcl

Json = dict[str, object]

BASE = "/api/2.0/secrets"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _CreateScope(_Body):
    scope: str
    initial_manage_principal: str | None = None
    scope_backend_type: Literal["DATABRICKS", "AZURE_KEYVAULT"] | None = None
    backend_azure_keyvault: dict[str, Any] | None = None


class _Scope(_Body):
    scope: str


class _Put(_Body):
    scope: str
    key: str
    # Any: what the framework refuses it repeats, and these are secrets.
    string_value: Any = None
    bytes_value: Any = None


class _Secret(_Body):
    scope: str
    key: str


class _PutAcl(_Body):
    scope: str
    principal: str
    permission: Permission


class _Acl(_Body):
    scope: str
    principal: str


def secret_routes(service: SecretService, caller: Caller) -> APIRouter:
    """Routes of scopes, secrets and ACLs."""
    router = APIRouter(prefix=BASE)
    _add_scopes(router, service, caller)
    _add_secrets(router, service, caller)
    _add_acls(router, service, caller)
    return router


def _add_scopes(router: APIRouter, service: SecretService, caller: Caller) -> None:
    @router.post("/scopes/create")
    async def create(body: _CreateScope, who: Annotated[Principal, Depends(caller)]) -> Json:
        if body.scope_backend_type == "AZURE_KEYVAULT" or body.backend_azure_keyvault:
            raise NotBuilt("Scopes in an Azure Key Vault are not implemented by this server.")
        await service.create_scope(who, body.scope, body.initial_manage_principal)
        return {}

    @router.get("/scopes/list")
    async def show(who: Annotated[Principal, Depends(caller)]) -> Json:
        scopes = await service.scopes(who)
        return {"scopes": [{"name": each.name, "backend_type": "DATABRICKS"} for each in scopes]}

    @router.post("/scopes/delete")
    async def delete(body: _Scope, who: Annotated[Principal, Depends(caller)]) -> Json:
        await service.delete_scope(who, body.scope)
        return {}


def _add_secrets(router: APIRouter, service: SecretService, caller: Caller) -> None:
    @router.post("/put")
    async def put(body: _Put, who: Annotated[Principal, Depends(caller)]) -> Json:
        value = value_of(body.string_value, body.bytes_value)
        await service.put(who, body.scope, body.key, value)
        return {}

    @router.get("/get")
    async def get(scope: str, key: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        value = await service.get(who, scope, key)
        return {"key": key, "value": base64.b64encode(value).decode()}

    @router.get("/list")
    async def show(scope: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        return {
            "secrets": [
                {"key": each.key, "last_updated_timestamp": each.updated_at}
                for each in await service.facts(who, scope)
            ]
        }

    @router.post("/delete")
    async def delete(body: _Secret, who: Annotated[Principal, Depends(caller)]) -> Json:
        await service.delete(who, body.scope, body.key)
        return {}


def _add_acls(router: APIRouter, service: SecretService, caller: Caller) -> None:
    @router.post("/acls/put")
    async def put(body: _PutAcl, who: Annotated[Principal, Depends(caller)]) -> Json:
        await service.put_acl(who, body.scope, SecretAcl(body.principal, body.permission))
        return {}

    @router.get("/acls/get")
    async def get(scope: str, principal: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        return _shown(await service.acl(who, scope, principal))

    @router.get("/acls/list")
    async def show(scope: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        return {"items": [_shown(acl) for acl in await service.acls(who, scope)]}

    @router.post("/acls/delete")
    async def delete(body: _Acl, who: Annotated[Principal, Depends(caller)]) -> Json:
        await service.delete_acl(who, body.scope, body.principal)
        return {}


def _shown(acl: SecretAcl) -> Json:
    return {"principal": acl.principal, "permission": acl.permission}
