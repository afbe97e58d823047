"""Access tokens of Microsoft Entra for an application's own identity, by msal."""

import time
from typing import Any

from lakeserve.core.errors import ConfigurationError, PermissionDenied, Unavailable
from lakeserve.reconcile.credentials.tokens import (
    REDACTED,
    UNKNOWN_LIFE_S,
    AccessToken,
    BearerTokens,
    Mint,
    refusal_text,
)

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://cognitiveservices.azure.com/.default"
TIMEOUT_S = 20

# Refusals that pass by themselves (RFC 6749, 4.1.2.1).
_PASSING = {"temporarily_unavailable", "server_error"}


def entra_tokens(
    client_id: str, secret: str, tenant: str, authority: str = AUTHORITY, scope: str = SCOPE
) -> BearerTokens:
    """Tokens for Azure's OpenAI service.

    Args:
        client_id: Of the application.
        secret: Of the application.
        tenant: Whose application it is.
        authority: Differs in national clouds, such as ``https://login.microsoftonline.us``.
        scope: Differs there, too.

    Raises:
        ConfigurationError: msal is not installed, or the authority is no https:// address.
    """
    if not authority.startswith("https://"):
        raise ConfigurationError(
            f"microsoft_entra_authority has the value {authority!r}; accepted: an https:// address"
        )
    try:
        import msal
    except ImportError:
        raise ConfigurationError(
            "openai_api_type 'azuread' needs msal: pip install 'lakeserve[entra]'"
        ) from None
    address = f"{authority.rstrip('/')}/{tenant}"
    return BearerTokens("Microsoft Entra", _mint(msal, client_id, secret, address, scope))


def _mint(msal: Any, client_id: str, secret: str, address: str, scope: str) -> Mint:
    from requests import RequestException

    def mint() -> AccessToken:
        try:
            # A new one each time: its own cache would answer with the token to be renewed.
            application = msal.ConfidentialClientApplication(
                client_id,
                client_credential=secret,
                authority=address,
                instance_discovery=False,
                timeout=TIMEOUT_S,
            )
            reply: dict[str, Any] = application.acquire_token_for_client([scope])
        except RequestException:
            raise Unavailable("Microsoft Entra does not answer.") from None
        except msal.exceptions.MsalError:
            raise Unavailable("Microsoft Entra cannot serve now.") from None
        except ValueError:
            raise Unavailable(
                f"Microsoft Entra does not know the authority {address!r}, or cannot serve now."
            ) from None
        if "access_token" in reply:
            life = float(reply.get("expires_in", UNKNOWN_LIFE_S))
            return AccessToken(reply["access_token"], time.time() + life)
        if reply.get("error") in _PASSING:
            raise Unavailable("Microsoft Entra cannot serve now.")
        reason = refusal_text(reply).replace(secret, REDACTED)
        raise PermissionDenied(f"Microsoft Entra refused the application: {reason}.")

    return mint
