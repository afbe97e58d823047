"""Documented calls that this version does not have: each answers 501 and names what is missing."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lakeserve.control.authorization import Caller
from lakeserve.core.errors import NotBuilt

Refusal = Callable[[Request], Awaitable[Response]]

ANY = ("GET", "POST", "PUT", "PATCH", "DELETE")
READ = ("GET",)
WRITE = ("POST",)

# Methods, path, the missing thing. Earlier rows win.
UNBUILT: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (WRITE, "/api/2.0/external-function", "External functions"),
    (ANY, "/api/2.0/permissions/{path:path}", "Permissions of such objects"),
    (ANY, "/api/2.0/accounts/{path:path}", "The accounts API"),
    (ANY, "/api/2.0/clusters/{path:path}", "The clusters API"),
    (ANY, "/api/2.1/clusters/{path:path}", "The clusters API"),
    (ANY, "/api/2.1/unity-catalog/functions", "Unity Catalog functions"),
    (ANY, "/api/2.1/unity-catalog/functions/{path:path}", "Unity Catalog functions"),
    (ANY, "/api/2.0/sql/statements", "SQL statements"),
    (ANY, "/api/2.0/sql/statements/{path:path}", "SQL statements"),
    (ANY, "/api/2.0/mlflow/unity-catalog/{path:path}", "Registered models of Unity Catalog"),
    (ANY, "/api/2.0/mlflow/{path:path}", "Signed addresses of MLflow artifacts"),
)

# Asked before there is a token, so they answer without one.
UNBUILT_OAUTH: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (READ, "/oidc/v1/authorize", "OAuth login"),
)


def unbuilt_routes(caller: Caller) -> list[Route]:
    """One route per row of the tables."""
    rows = [_route(row, _refusal(row[2], caller)) for row in UNBUILT]
    return rows + [_route(row, _oauth_refusal(row[2])) for row in UNBUILT_OAUTH]


def _route(row: tuple[tuple[str, ...], str, str], refuse: Refusal) -> Route:
    methods, path, _ = row
    return Route(path, refuse, methods=list(methods), include_in_schema=False)


def _refusal(feature: str, caller: Caller) -> Refusal:
    async def refuse(request: Request) -> Response:
        caller(request)
        raise _not_built(feature, request)

    return refuse


def _oauth_refusal(feature: str) -> Refusal:
    """OAuth clients read ``error`` and ``error_description`` only."""

    async def refuse(request: Request) -> Response:
        error = _not_built(feature, request)
        described = {"error": "unsupported_grant_type", "error_description": error.message}
        return JSONResponse({**described, **error.body()}, error.status)

    return refuse


def _not_built(feature: str, request: Request) -> NotBuilt:
    return NotBuilt(
        f"'{feature}' is not implemented in this version of lakeserve:"
        f" {request.method} {request.url.path}"
    )
