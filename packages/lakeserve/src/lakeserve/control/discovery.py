"""What clients ask before they authenticate: where is what, and is anybody there."""

import re

from fastapi import APIRouter, Request

from lakeserve.core.ids import stable_object_id

Json = dict[str, object]

_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def discovery_routes(workspace_id: str) -> APIRouter:
    """Unauthenticated routes; their absolute addresses follow the host that the caller named."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> Json:
        return {"status": "ok"}

    @router.get("/.well-known/databricks-config")
    async def databricks_config(request: Request) -> Json:
        return {
            "oidc_endpoint": f"{own_address(request)}/oidc",
            "account_id": account_id(workspace_id),
            "workspace_id": workspace_id,
        }

    @router.get("/oidc/.well-known/oauth-authorization-server")
    @router.get("/oidc/.well-known/openid-configuration")
    async def authorization_server(request: Request) -> Json:
        return authorization_document(f"{own_address(request)}/oidc")

    return router


def own_address(request: Request) -> str:
    """Scheme, host and port under which the caller reached this server."""
    named = request.headers.get("host", "")
    host, port = request.scope.get("server") or ("127.0.0.1", None)
    own = f"{host}:{port}" if port else str(host)
    return f"{request.url.scheme}://{named if _HOST.fullmatch(named) else own}"


def account_id(workspace_id: str) -> str:
    """A UUID that stays the same for a workspace; clients only want one to be there."""
    raw = stable_object_id("account", workspace_id)
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


def authorization_document(issuer: str) -> Json:
    """The OAuth metadata document of RFC 8414 for that issuer."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/v1/authorize",
        "token_endpoint": f"{issuer}/v1/token",
        "jwks_uri": f"{issuer}/jwks.json",
        "response_types_supported": ["code"],
        "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
        "scopes_supported": ["all-apis", "offline_access"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "code_challenge_methods_supported": ["S256"],
    }
