"""From an ``Authorization`` header to a principal. Pure: both planes share it."""

import base64
import binascii
from collections.abc import Mapping
from typing import Protocol

from lakeserve.core.errors import PermissionDenied, Unauthenticated
from lakeserve.core.identity import Principal, token_digest
from lakeserve.core.ids import now_ms

JWT_DOTS = 2


class SignedTokens(Protocol):
    """Knows tokens by their signature instead of by their digest."""

    def principal(self, token: str) -> Principal | None:
        """Whom a token stands for, or None when its signature or its subject is not known."""
        ...


def authenticate(
    authorization: str | None,
    principals: Mapping[str, Principal],
    signed: SignedTokens | None = None,
) -> Principal:
    """The principal that an ``Authorization`` header stands for.

    ``Bearer <token>`` and ``Basic base64("token:<token>")`` are understood; databricks-sdk sends
    the second one when it is configured with a user name and a password.

    Args:
        authorization: The header's value, or None when the request has none.
        principals: By ``token_digest`` of their tokens.
        signed: Asked about tokens in the shape of a JWT that ``principals`` lacks.

    Raises:
        Unauthenticated: There is no credential, or one of an unsupported kind.
        PermissionDenied: The token is not known, or no longer valid.
    """
    scheme, _, credential = (authorization or "").strip().partition(" ")
    if scheme.lower() == "bearer":
        token = credential.strip()
    elif scheme.lower() == "basic":
        token = _basic_token(credential.strip())
    else:
        token = ""
    if not token:
        raise Unauthenticated(
            "Credential was not sent or was of an unsupported type for this API."
            " Send 'Authorization: Bearer <token>'."
        )
    principal = principals.get(token_digest(token))
    if principal is None and signed is not None and token.count(".") == JWT_DOTS:
        principal = signed.principal(token)
    if principal is None:
        raise PermissionDenied("Invalid access token.")
    if principal.expires_at is not None and principal.expires_at <= now_ms():
        raise PermissionDenied("Invalid access token. It has expired.")
    return principal


def _basic_token(credential: str) -> str:
    try:
        user, _, password = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if user == "token" else ""
