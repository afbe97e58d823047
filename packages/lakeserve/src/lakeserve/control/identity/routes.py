"""Who am I: the one SCIM call that clients need to know their user and workspace."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from lakeserve.control.authorization import Caller
from lakeserve.core.identity import Principal

Json = dict[str, object]


def identity_routes(workspace_id: str, caller: Caller) -> APIRouter:
    """The routes; ``workspace_id`` travels in a header of the answer, where clients look."""
    router = APIRouter()

    @router.get("/api/2.0/preview/scim/v2/Me")
    async def me(principal: Annotated[Principal, Depends(caller)], response: Response) -> Json:
        response.headers["X-Databricks-Org-Id"] = workspace_id
        return scim_user(principal)

    return router


def scim_user(principal: Principal) -> Json:
    """A principal as a SCIM user."""
    groups = [("users", "1")] + ([("admins", "2")] if principal.admin else [])
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": principal.id,
        "userName": principal.name,
        "displayName": principal.display_name,
        "active": True,
        "emails": [{"type": "work", "value": principal.name, "primary": True}],
        "name": {"givenName": principal.display_name},
        "groups": [
            {"display": name, "type": "direct", "value": group_id, "$ref": f"Groups/{group_id}"}
            for name, group_id in groups
        ],
        "entitlements": [{"value": "workspace-access"}],
    }
