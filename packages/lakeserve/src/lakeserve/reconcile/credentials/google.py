"""Access tokens of Google's service accounts, by google-auth."""

import time
from datetime import timezone
from functools import partial
from typing import Any

import orjson

from lakeserve.core.errors import ConfigurationError, PermissionDenied, Unavailable
from lakeserve.reconcile.credentials.tokens import (
    UNKNOWN_LIFE_S,
    AccessToken,
    BearerTokens,
    Mint,
    refusal_text,
)

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PROVIDER = "google-cloud-vertex-ai"
TIMEOUT_S = 20.0


def google_tokens(private_key: str) -> BearerTokens:
    """Tokens for the service account of a key file.

    Args:
        private_key: The JSON text of the file; its ``token_uri`` is asked for tokens.

    Raises:
        ConfigurationError: It is no such text, or google-auth is not installed.
    """
    return BearerTokens(PROVIDER, _mint(_key_file(private_key)))


def _key_file(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ConfigurationError(
            "the secret of the field private_key must be the JSON text of a service account's key"
            " file"
        )
    return value


def _mint(key_file: dict[str, Any]) -> Mint:
    try:
        from google.auth.exceptions import MalformedError, RefreshError, TransportError
        from google.auth.transport.requests import Request
        from google.oauth2.service_account import Credentials
    except ImportError:
        raise ConfigurationError(
            f"provider {PROVIDER!r} needs google-auth: pip install 'lakeserve[vertex]'"
        ) from None
    make: Any = Credentials.from_service_account_info  # it has no types
    try:
        credentials = make(key_file, scopes=[SCOPE])
    except (MalformedError, ValueError):
        raise ConfigurationError(
            "the secret of the field private_key is no usable key file of a service account: it"
            " needs client_email, token_uri and a private_key in PEM form"
        ) from None
    transport = partial(Request(), timeout=TIMEOUT_S)

    def mint() -> AccessToken:
        try:
            credentials.refresh(transport)
        except TransportError:
            raise Unavailable("Google's token service does not answer.") from None
        except RefreshError as error:
            if error.retryable:
                raise Unavailable("Google's token service cannot serve now.") from None
            reply = error.args[1] if len(error.args) > 1 else None
            raise PermissionDenied(
                f"Google's token service refused the service account: {refusal_text(reply)}."
            ) from None
        expiry = credentials.expiry  # in UTC, but it does not say so
        if expiry is None:
            return AccessToken(credentials.token, time.time() + UNKNOWN_LIFE_S)
        return AccessToken(credentials.token, expiry.replace(tzinfo=timezone.utc).timestamp())

    return mint
