"""The control plane as one ASGI application."""

from importlib.metadata import version
from typing import Protocol

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from lakeserve.control.audit import AuditTrail, audit_routes
from lakeserve.control.authorization import LiveDirectory, caller_of
from lakeserve.control.body_size import BodySize
from lakeserve.control.clusters.routes import cluster_routes
from lakeserve.control.clusters.service import ClusterService
from lakeserve.control.discovery import discovery_routes
from lakeserve.control.document import describe
from lakeserve.control.endpoints.logs import ModelLogs, log_routes
from lakeserve.control.endpoints.routes import endpoint_routes
from lakeserve.control.endpoints.service import EndpointService, EntityStates
from lakeserve.control.errors import install_error_handlers
from lakeserve.control.identity.credentials import CredentialService
from lakeserve.control.identity.oauth import oauth_routes
from lakeserve.control.identity.routes import identity_routes
from lakeserve.control.identity.service import IdentityService
from lakeserve.control.metrics import Metrics, metrics_routes
from lakeserve.control.permissions.objects import Clusters, Endpoints, TokenUse
from lakeserve.control.permissions.routes import permission_routes
from lakeserve.control.permissions.service import PermissionService
from lakeserve.control.request_ids import RequestIds
from lakeserve.control.secrets.routes import secret_routes
from lakeserve.control.secrets.service import SecretService
from lakeserve.control.secrets.vault import Vault
from lakeserve.control.tokens.routes import token_routes
from lakeserve.control.tokens.service import TokenService
from lakeserve.control.unbuilt import unbuilt_routes
from lakeserve.control.usage import usage_routes
from lakeserve.core.guardrails import Abilities
from lakeserve.core.ports import Changes
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.workers.model_store import ModelStore


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


class BodiesAreJson:
    """Takes every body of the API for JSON: clients send ``text/json``, or what curl chooses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            kept = [header for header in scope["headers"] if header[0] != b"content-type"]
            scope = {**scope, "headers": [*kept, (b"content-type", b"application/json")]}
        await self._app(scope, receive, send)


class EntityFacts(EntityStates, ModelLogs, Protocol):
    """What is known of served entities."""


def create_control_app(
    storage: Storage,
    directory: LiveDirectory,
    states: EntityFacts,
    settings: Settings,
    secrets: Vault,
    changes: Changes,
    metrics: Metrics,
    abilities: Abilities = Abilities(),  # noqa: B008 - frozen
) -> FastAPI:
    """Build the control plane.

    Args:
        storage: Where endpoints, secrets and principals lie.
        directory: Knows the principals of tokens.
        states: Knows what was last seen of served entities, and their logs.
        settings: Supplies the workspace id and the currency.
        secrets: Encrypts and decrypts.
        changes: Hears of changed endpoints, clusters and grants.
        metrics: What Prometheus may know.
        abilities: What guardrails can be kept.
    """
    app = _bare_app()
    caller = caller_of(directory)
    app.add_middleware(AuditTrail, storage=storage, directory=directory)
    app.add_middleware(WithoutTrailingSlash)
    app.add_middleware(BodiesAreJson)
    app.add_middleware(BodySize, limit=settings.max_request_bytes)
    app.add_middleware(RequestIds)
    install_error_handlers(app)
    identity = IdentityService(storage, directory, changes)
    app.include_router(discovery_routes(settings.workspace_id))
    app.include_router(identity_routes(identity, caller, settings.workspace_id))
    credentials = CredentialService(storage, directory, secrets)
    app.include_router(oauth_routes(credentials, caller))
    tokens = TokenService(storage, directory)
    app.include_router(token_routes(tokens, caller, settings.workspace_id))
    app.include_router(audit_routes(storage, caller))
    app.include_router(secret_routes(SecretService(storage, secrets), caller))
    endpoints = _endpoints(storage, settings, secrets, changes, abilities)
    app.include_router(metrics_routes(metrics, endpoints, caller))
    app.include_router(endpoint_routes(endpoints, states, caller))
    app.include_router(usage_routes(storage, caller, settings.prices.currency))
    app.include_router(log_routes(endpoints, states, caller))
    app.include_router(cluster_routes(ClusterService(storage, changes), caller))
    for path, kind in (
        ("serving-endpoints", Endpoints(changes)),
        ("clusters", Clusters(changes)),
        ("authorization", TokenUse()),
    ):
        app.include_router(permission_routes(PermissionService(storage, kind), path, caller))
    app.router.routes.extend(unbuilt_routes(caller))
    describe(app)
    return app


def _endpoints(
    storage: Storage, settings: Settings, secrets: Vault, changes: Changes, abilities: Abilities
) -> EndpointService:
    return EndpointService(
        storage,
        secrets,
        changes,
        abilities,
        custom_by_all=settings.mlflow.creators == "everyone",
        sends_mail=settings.mail is not None,
        added_models=ModelStore(settings.data_dir).kinds,
    )


def _bare_app() -> FastAPI:
    return FastAPI(
        title="lakeserve",
        version=version("lakeserve"),
        # The pages that FastAPI ships load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
