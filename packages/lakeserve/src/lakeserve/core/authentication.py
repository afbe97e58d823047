"""From an ``Authorization`` header to a principal. Pure: both planes share it."""

import base64
import binascii
from collections.abc import Mapping

from lakeserve.core.errors import PermissionDenied, Unauthenticated
from lakeserve.core.identity import Principal, token_digest


def authenticate(authorization: str | None, principals: Mapping[str, Principal]) -> Principal:
    """The principal that an ``Authorization`` header stands for.

    ``Bearer <token>`` and ``Basic base64("token:<token>")`` are understood; databricks-sdk sends
    the second one when it is configured with a user name and a password.

    Args:
        authorization: The header's value, or None when the request has none.
        principals: By ``token_digest`` of their tokens.

    Raises:
        Unauthenticated: There is no credential, or one of an unsupported kind.
        PermissionDenied: The token is not known.
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
    if principal is None:
        raise PermissionDenied("Invalid access token.")
    return principal


def _basic_token(credential: str) -> str:
    try:
        user, _, password = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if user == "token" else ""
