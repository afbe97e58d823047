"""The OAuth routes: tokens for service principals, their keys, their secrets."""

import base64
import binascii
from datetime import datetime, timezone
from typing import Annotated
from urllib.parse import parse_qs, unquote_plus

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from lakeserve.control.authorization import Caller
from lakeserve.control.discovery import own_address
from lakeserve.control.identity.credentials import CredentialService
from lakeserve.core.accounts import ClientSecret
from lakeserve.core.errors import NotBuilt
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms

Json = dict[str, object]

SECRETS = "/api/2.0/accounts/servicePrincipals/{account_id}/credentials/secrets"
FORM_BYTES = 16 * 1024
GRANT = "client_credentials"
SCOPE = "all-apis"


class OAuthError(Exception):
    """What a client did wrong, in OAuth's words (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class _CreateSecret(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    lifetime: str | None = None
    scopes: list[str] = []


def oauth_routes(service: CredentialService, caller: Caller) -> APIRouter:
    """Routes of the token endpoint and of the secrets it takes."""
    router = APIRouter()
    _add_login(router, service)
    _add_secrets(router, service, caller)
    return router


def _add_login(router: APIRouter, service: CredentialService) -> None:
    @router.post("/oidc/v1/token")
    async def token(request: Request) -> JSONResponse:
        try:
            return await _token(request, service)
        except OAuthError as error:
            headers = {"www-authenticate": "Basic"} if error.status == 401 else {}
            body = {"error": error.error, "error_description": error.description}
            return JSONResponse(body, error.status, headers)

    @router.get("/oidc/jwks.json")
    async def jwks() -> Json:
        return {"keys": await service.public_keys()}


def _add_secrets(router: APIRouter, service: CredentialService, caller: Caller) -> None:
    @router.post(SECRETS)
    async def create(
        account_id: str, body: _CreateSecret, who: Annotated[Principal, Depends(caller)]
    ) -> Json:
        if set(body.scopes) - {SCOPE}:
            raise NotBuilt("Service principal secrets with scopes are not implemented.")
        value, kept = await service.create_secret(who, account_id, body.lifetime)
        return {**secret_info(kept), "secret": value}

    @router.get(SECRETS)
    async def show(account_id: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        return {
            "secrets": [secret_info(kept) for kept in await service.secrets_of(who, account_id)]
        }

    @router.delete(SECRETS + "/{secret_id}")
    async def delete(
        account_id: str, secret_id: str, who: Annotated[Principal, Depends(caller)]
    ) -> Json:
        await service.delete_secret(who, account_id, secret_id)
        return {}


async def _token(request: Request, service: CredentialService) -> JSONResponse:
    fields = form_fields(await _body(request))
    client_id, client_secret = client_credentials(request.headers.get("authorization"), fields)
    if fields.get("grant_type") != GRANT:
        given = fields.get("grant_type")
        raise OAuthError(
            "unsupported_grant_type" if given else "invalid_request",
            f"grant_type is {given!r}; accepted: {GRANT}",
        )
    scope = fields.get("scope", SCOPE)
    if set(scope.split()) - {SCOPE}:
        raise OAuthError("invalid_scope", f"scope is {scope!r}; accepted: {SCOPE}")
    issued = await service.log_in(client_id, client_secret, f"{own_address(request)}/oidc")
    if issued is None:
        raise OAuthError("invalid_client", "client id and secret do not fit together", 401)
    return JSONResponse(
        {
            "access_token": issued.value,
            "token_type": "Bearer",
            "expires_in": issued.lifetime_s,
            "scope": SCOPE,
        },
        headers={"cache-control": "no-store"},
    )


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            raise OAuthError("invalid_request", f"the form is longer than {FORM_BYTES} bytes")
    return body


def form_fields(body: bytes) -> dict[str, str]:
    """The fields of a form.

    Raises:
        OAuthError: It cannot be read, or a field comes twice.
    """
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=50, errors="strict")
    except ValueError:
        raise OAuthError(
            "invalid_request", "the body is not application/x-www-form-urlencoded"
        ) from None
    repeated = [name for name, values in fields.items() if len(values) > 1]
    if repeated:
        raise OAuthError("invalid_request", f"field {repeated[0]!r} is given more than once")
    return {name: values[0] for name, values in fields.items()}


def client_credentials(authorization: str | None, fields: dict[str, str]) -> tuple[str, str]:
    """Client id and secret, from the header or from the form.

    Raises:
        OAuthError: There are none.
    """
    scheme, _, credential = (authorization or "").strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(credential.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            text = ""
        client_id, _, secret = text.partition(":")
        # Both are form-encoded before they are joined (RFC 6749, section 2.3.1).
        client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    else:
        client_id, secret = fields.get("client_id", ""), fields.get("client_secret", "")
    if not client_id or not secret:
        raise OAuthError(
            "invalid_client", "send client id and secret by HTTP Basic or as form fields", 401
        )
    return client_id, secret


def secret_info(kept: ClientSecret) -> Json:
    """A service principal's secret as clients see it."""
    made = _time(kept.created_at)
    shown: Json = {
        "id": kept.id,
        "secret_hash": kept.digest,
        "create_time": made,
        "update_time": made,
        "status": "ACTIVE" if kept.is_valid(now_ms()) else "EXPIRED",
    }
    return shown if kept.expires_at is None else {**shown, "expire_time": _time(kept.expires_at)}


def _time(epoch_ms: int) -> str:
    moment = datetime.fromtimestamp(epoch_ms / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
