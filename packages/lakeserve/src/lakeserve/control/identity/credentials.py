"""OAuth secrets of service principals, and the signed tokens they buy."""

import asyncio
import re
import secrets
import uuid
from dataclasses import dataclass

from lakeserve.control.authorization import LiveDirectory, require_admin
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.accounts import Account, ClientSecret
from lakeserve.core.errors import InvalidParameter, LimitReached, ResourceMissing
from lakeserve.core.identity import Principal, token_digest
from lakeserve.core.ids import now_ms, object_id
from lakeserve.core.signed_tokens import (
    LIFETIME_S,
    SECRET_CLAIM,
    SigningKey,
    issue_token,
    new_signing_key,
    public_jwk,
)
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

MOST_SECRETS = 5
LONGEST_LIFETIME_S = 730 * 24 * 3600
MANAGE = "manage the secrets of service principals"

_LIFETIME = re.compile(r"(\d{1,9})s")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed token.

    Attributes:
        lifetime_s: Seconds until it expires.
    """

    value: str
    lifetime_s: int


class CredentialService:
    """Makes and checks what service principals log in with."""

    def __init__(self, storage: Storage, directory: LiveDirectory, vault: Vault) -> None:
        self._storage = storage
        self._directory = directory
        self._vault = vault
        self._first_key = asyncio.Lock()

    async def create_secret(
        self, caller: Principal, account_id: str, lifetime: str | None
    ) -> tuple[str, ClientSecret]:
        """A new secret, which is known this one time, and what is kept of it.

        Args:
            caller: Who asks.
            account_id: The service principal's id.
            lifetime: Seconds as protobuf writes them, ``3600s``; None for the longest.

        Raises:
            PermissionDenied: The caller is no administrator.
            ResourceMissing: There is no such service principal.
            InvalidParameter: The lifetime is not accepted.
            LimitReached: It has as many secrets as it can have.
        """
        require_admin(caller, MANAGE)
        now = now_ms()
        value = f"dose{secrets.token_hex(32)}"
        kept = ClientSecret(
            id=str(uuid.uuid4()),
            account_id=account_id,
            digest=token_digest(value),
            created_at=now,
            expires_at=now + _seconds(lifetime) * 1000,
        )

        def work(transaction: Transaction) -> None:
            _service_principal(transaction, account_id)
            if len(transaction.accounts.client_secrets(account_id)) >= MOST_SECRETS:
                raise LimitReached(
                    f"The service principal has {MOST_SECRETS} secrets already, the most there can"
                    " be."
                )
            transaction.accounts.save_client_secret(kept)

        try:
            await self._storage.write(work)
        finally:
            await self._directory.refresh_principals()
        return value, kept

    async def secrets_of(self, caller: Principal, account_id: str) -> tuple[ClientSecret, ...]:
        """What is kept of a service principal's secrets.

        Raises:
            PermissionDenied: The caller is no administrator.
            ResourceMissing: There is no such service principal.
        """
        require_admin(caller, MANAGE)

        def work(transaction: Transaction) -> tuple[ClientSecret, ...]:
            _service_principal(transaction, account_id)
            return transaction.accounts.client_secrets(account_id)

        return await self._storage.read(work)

    async def delete_secret(self, caller: Principal, account_id: str, secret_id: str) -> None:
        """Forget a secret; tokens that it bought are refused from now on.

        Raises:
            PermissionDenied: The caller is no administrator.
            ResourceMissing: There is no such service principal or secret.
        """
        require_admin(caller, MANAGE)

        def work(transaction: Transaction) -> None:
            _service_principal(transaction, account_id)
            if not transaction.accounts.delete_client_secret(account_id, secret_id):
                raise ResourceMissing(f"Secret with id '{secret_id}' does not exist.")

        try:
            await self._storage.write(work)
        finally:
            # In any case: who repeats a call whose refresh failed finds the secret gone, and its
            # tokens have to stop working all the same.
            await self._directory.refresh_principals()

    async def log_in(self, client_id: str, client_secret: str, issuer: str) -> IssuedToken | None:
        """A signed token for a service principal, or None when id and secret do not fit."""
        now = now_ms()
        digest = token_digest(client_secret)

        def fitting(transaction: Transaction) -> ClientSecret | None:
            account = transaction.accounts.named(client_id)
            if account is None or account.kind != "service_principal" or not account.active:
                return None
            fits = [
                kept
                for kept in transaction.accounts.client_secrets(account.id)
                if secrets.compare_digest(kept.digest, digest) and kept.is_valid(now)
            ]
            return fits[0] if fits else None

        secret = await self._storage.read(fitting)
        if secret is None:
            return None
        key, private_key = await self._signing_key()
        issued_at = now // 1000
        lifetime_s = LIFETIME_S
        if secret.expires_at is not None:
            lifetime_s = max(1, min(lifetime_s, secret.expires_at // 1000 - issued_at))
        claims = {
            "iss": issuer,
            "sub": client_id,
            "client_id": client_id,
            "aud": issuer,
            "scope": "all-apis",
            "iat": issued_at,
            "exp": issued_at + lifetime_s,
            "jti": object_id(),
            SECRET_CLAIM: secret.id,
        }
        return IssuedToken(issue_token(private_key, key.id, claims), lifetime_s)

    async def public_keys(self) -> list[dict[str, object]]:
        """The public halves of the signing keys, as ``jwks_uri`` shows them."""
        keys = await self._storage.read(lambda transaction: transaction.keys.signing_keys())
        return [public_jwk(key) for key, _ in keys]

    async def _signing_key(self) -> tuple[SigningKey, str]:
        """The newest signing key and its private half; the first login makes one."""
        async with self._first_key:
            keys = await self._storage.read(lambda transaction: transaction.keys.signing_keys())
            if keys:
                key, sealed = keys[0]
                return key, await self._vault.unseal(sealed)
            key, private_key = new_signing_key(object_id())
            sealed = await self._vault.seal(private_key)
            now = now_ms()
            await self._storage.write(
                lambda transaction: transaction.keys.save_signing_key(key, sealed, now)
            )
            await self._directory.refresh_principals()
            return key, private_key


def _service_principal(transaction: Transaction, account_id: str) -> Account:
    account = transaction.accounts.find(account_id, "service_principal")
    if account is None:
        raise ResourceMissing(f"Service principal with id '{account_id}' does not exist.")
    return account


def _seconds(lifetime: str | None) -> int:
    if lifetime is None:
        return LONGEST_LIFETIME_S
    match = _LIFETIME.fullmatch(lifetime)
    if match is None or not 0 < int(match[1]) <= LONGEST_LIFETIME_S:
        raise InvalidParameter(
            f"Field 'lifetime' has the value '{lifetime}'; accepted: '1s' to"
            f" '{LONGEST_LIFETIME_S}s'."
        )
    return int(match[1])
