"""The rules of secret scopes, secrets and ACLs."""

import base64
import binascii

from lakeserve.control.secrets.vault import Vault, secret_context
from lakeserve.core.errors import (
    InvalidParameter,
    LimitReached,
    PermissionDenied,
    ResourceExists,
    ResourceMissing,
)
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms
from lakeserve.core.secrets import (
    MOST_KEYS,
    MOST_SCOPES,
    Permission,
    SecretAcl,
    SecretFacts,
    SecretScope,
    check_key,
    check_scope_name,
    check_value,
    permission_of,
    suffices,
)
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction


class SecretService:
    """What callers may do with secrets.

    Every method raises ``ResourceMissing`` for a scope that does not exist and
    ``PermissionDenied`` when the caller may not do it.
    """

    def __init__(self, storage: Storage, vault: Vault) -> None:
        self._storage = storage
        self._vault = vault

    async def create_scope(self, caller: Principal, name: str, manager: str | None) -> None:
        """Make a scope that its creator manages, or everyone when ``manager`` is ``users``.

        Raises:
            InvalidParameter: The name or the manager is not accepted.
            ResourceExists: There is such a scope.
            LimitReached: There are too many.
        """
        check_scope_name(name)
        if manager not in {None, "users"}:
            raise InvalidParameter(
                f"Field 'initial_manage_principal' has the value '{manager}'; accepted: 'users'."
            )
        now = now_ms()

        def work(transaction: Transaction) -> None:
            if transaction.secrets.has_scope(name):
                raise ResourceExists(f"Scope {name} already exists!")
            if transaction.secrets.count_scopes() >= MOST_SCOPES:
                raise LimitReached(
                    f"There are {MOST_SCOPES} scopes already, the most there can be."
                )
            transaction.secrets.create_scope(SecretScope(name, caller.name, now))
            transaction.secrets.put_acl(name, SecretAcl(manager or caller.name, "MANAGE"))

        await self._storage.write(work)

    async def scopes(self, caller: Principal) -> list[SecretScope]:
        """The scopes that the caller may read."""

        def work(transaction: Transaction) -> list[SecretScope]:
            acls = transaction.secrets.all_acls()
            return [
                scope
                for scope in transaction.secrets.scopes()
                if permission_of(caller, acls.get(scope.name, ()))
            ]

        return await self._storage.read(work)

    async def delete_scope(self, caller: Principal, name: str) -> None:
        """Forget a scope and everything in it."""

        def work(transaction: Transaction) -> None:
            _require(transaction, caller, name, "MANAGE")
            transaction.secrets.delete_scope(name)

        await self._storage.write(work)

    async def put(self, caller: Principal, scope: str, key: str, value: bytes) -> None:
        """Write a secret, in place of one of the same key.

        Raises:
            InvalidParameter: The key is not accepted.
            LimitReached: The scope is full.
        """
        check_key(key)
        data_key, ciphertext = self._vault.encrypt(value, secret_context(scope, key))
        now = now_ms()

        def work(transaction: Transaction) -> None:
            _require(transaction, caller, scope, "WRITE")
            keys = {facts.key for facts in transaction.secrets.facts(scope)}
            if key not in keys and len(keys) >= MOST_KEYS:
                raise LimitReached(
                    f"Scope {scope} holds {MOST_KEYS} secrets already, the most there can be."
                )
            transaction.secrets.put(scope, key, data_key, ciphertext, now)

        await self._storage.write(work)

    async def get(self, caller: Principal, scope: str, key: str) -> bytes:
        """The value of a secret.

        Raises:
            ResourceMissing: There is no such secret.
        """

        def work(transaction: Transaction) -> bytes:
            _require(transaction, caller, scope, "READ")
            found = transaction.secrets.find(scope, key)
            if found is None:
                raise _secret_missing(scope, key)
            return self._vault.decrypt(*found, secret_context(scope, key))

        return await self._storage.read(work)

    async def facts(self, caller: Principal, scope: str) -> tuple[SecretFacts, ...]:
        """The secrets of a scope, without their values."""

        def work(transaction: Transaction) -> tuple[SecretFacts, ...]:
            _require(transaction, caller, scope, "READ")
            return transaction.secrets.facts(scope)

        return await self._storage.read(work)

    async def delete(self, caller: Principal, scope: str, key: str) -> None:
        """Forget a secret.

        Raises:
            ResourceMissing: There is no such secret.
        """

        def work(transaction: Transaction) -> None:
            _require(transaction, caller, scope, "WRITE")
            if not transaction.secrets.delete(scope, key):
                raise _secret_missing(scope, key)

        await self._storage.write(work)

    async def put_acl(self, caller: Principal, scope: str, acl: SecretAcl) -> None:
        """Give a user, service principal or group a permission, in place of another.

        Raises:
            InvalidParameter: There is no such principal.
        """

        def work(transaction: Transaction) -> None:
            _require(transaction, caller, scope, "MANAGE")
            if not transaction.identity.knows(acl.principal):
                raise InvalidParameter(
                    f"Field 'principal' has the value '{acl.principal}': there is no such user,"
                    " service principal (by application id) or group."
                )
            transaction.secrets.put_acl(scope, acl)

        await self._storage.write(work)

    async def acls(self, caller: Principal, scope: str) -> tuple[SecretAcl, ...]:
        """Who may do what with a scope."""

        def work(transaction: Transaction) -> tuple[SecretAcl, ...]:
            _require(transaction, caller, scope, "MANAGE")
            return transaction.secrets.acls(scope)

        return await self._storage.read(work)

    async def acl(self, caller: Principal, scope: str, principal: str) -> SecretAcl:
        """What a principal may do with a scope.

        Raises:
            ResourceMissing: Nothing was given to it.
        """
        for acl in await self.acls(caller, scope):
            if acl.principal == principal:
                return acl
        raise _acl_missing(scope, principal)

    async def delete_acl(self, caller: Principal, scope: str, principal: str) -> None:
        """Take a principal's permission away.

        Raises:
            ResourceMissing: Nothing was given to it.
        """

        def work(transaction: Transaction) -> None:
            _require(transaction, caller, scope, "MANAGE")
            if not transaction.secrets.delete_acl(scope, principal):
                raise _acl_missing(scope, principal)

        await self._storage.write(work)


def value_of(string_value: object, bytes_value: object) -> bytes:
    """The value of a put, of which exactly one field has to be given.

    Raises:
        InvalidParameter: None or both are given, one is not text or not base64, or it is too long.
            The value is not repeated.
    """
    if (string_value is None) == (bytes_value is None):
        raise InvalidParameter("Exactly one of 'string_value' and 'bytes_value' has to be given.")
    field = "string_value" if bytes_value is None else "bytes_value"
    text = string_value if bytes_value is None else bytes_value
    if not isinstance(text, str):
        raise InvalidParameter(f"Field '{field}' has to be a string.")
    try:
        value = text.encode() if bytes_value is None else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        what = "text in UTF-8" if bytes_value is None else "in base64"
        raise InvalidParameter(f"Field '{field}' is not {what}.") from None
    check_value(value, field)
    return value


def _require(
    transaction: Transaction, caller: Principal, scope: str, permission: Permission
) -> None:
    if not transaction.secrets.has_scope(scope):
        raise ResourceMissing(f"Scope {scope} does not exist!")
    if not suffices(permission_of(caller, transaction.secrets.acls(scope)), permission):
        raise PermissionDenied(
            f"{caller.name} does not have {permission} permission on scope {scope}."
        )


def _secret_missing(scope: str, key: str) -> ResourceMissing:
    return ResourceMissing(f"Secret does not exist with scope: {scope} and key: {key}")


def _acl_missing(scope: str, principal: str) -> ResourceMissing:
    return ResourceMissing(f"ACL does not exist with scope: {scope} and principal: {principal}")
