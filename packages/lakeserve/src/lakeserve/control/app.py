"""The control plane as one ASGI application."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from lakeserve.control.authorization import caller_of
from lakeserve.control.discovery import discovery_routes
from lakeserve.control.endpoints.routes import EntityStates, endpoint_routes
from lakeserve.control.errors import install_error_handlers
from lakeserve.control.identity.routes import identity_routes
from lakeserve.control.unbuilt import unbuilt_routes
from lakeserve.core.ports import Directory
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage


class WithoutTrailingSlash:
    """Takes a path with a slash at its end for the path without it, as clients expect."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope.get("path", "")
        if scope["type"] == "http" and len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


def create_control_app(
    storage: Storage, directory: Directory, states: EntityStates, settings: Settings
) -> FastAPI:
    """Build the control plane.

    Args:
        storage: Where endpoints are read from.
        directory: Knows the principals of tokens.
        states: Knows what was last seen of served entities.
        settings: Supplies the workspace id.
    """
    app = FastAPI(
        title="lakeserve",
        version=version("lakeserve"),
        # The pages that FastAPI ships load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    caller = caller_of(directory)
    app.add_middleware(WithoutTrailingSlash)
    install_error_handlers(app)
    app.include_router(discovery_routes(settings.workspace_id))
    app.include_router(identity_routes(settings.workspace_id, caller))
    app.include_router(endpoint_routes(storage, states, caller))
    app.router.routes.extend(unbuilt_routes(caller))
    return app
