"""Secret scopes, encrypted secrets and ACLs."""

from typing import cast

from sqlalchemy import Connection, delete, func, insert, select, update

from lakeserve.core.crypto import DataKey
from lakeserve.core.secrets import Permission, SecretAcl, SecretFacts, SecretScope
from lakeserve.storage.keys import KeyRepository
from lakeserve.storage.tables import data_keys, secret_acls, secret_scopes, secrets


class SecretRepository:
    """Reads and writes secrets inside one transaction; it sees ciphertexts only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._keys = KeyRepository(connection)

    def scopes(self) -> tuple[SecretScope, ...]:
        """Every scope, by name."""
        rows = self._connection.execute(select(secret_scopes).order_by(secret_scopes.c.name))
        return tuple(SecretScope(row.name, row.creator, row.created_at) for row in rows)

    def has_scope(self, name: str) -> bool:
        """Whether a scope exists."""
        found = select(secret_scopes.c.name).where(secret_scopes.c.name == name)
        return self._connection.execute(found).first() is not None

    def count_scopes(self) -> int:
        """How many scopes there are."""
        return self._connection.execute(
            select(func.count()).select_from(secret_scopes)
        ).scalar_one()

    def create_scope(self, scope: SecretScope) -> None:
        """Write a new scope."""
        self._connection.execute(
            insert(secret_scopes),
            {"name": scope.name, "creator": scope.creator, "created_at": scope.created_at},
        )

    def delete_scope(self, name: str) -> None:
        """Forget a scope with its secrets, their keys and its ACLs."""
        for facts in self.facts(name):
            self.delete(name, facts.key)
        self._connection.execute(delete(secret_scopes).where(secret_scopes.c.name == name))

    def facts(self, scope: str) -> tuple[SecretFacts, ...]:
        """The secrets of a scope, by key."""
        rows = self._connection.execute(
            select(secrets.c.key, secrets.c.updated_at)
            .where(secrets.c.scope == scope)
            .order_by(secrets.c.key)
        )
        return tuple(SecretFacts(row.key, row.updated_at) for row in rows)

    def find(self, scope: str, key: str) -> tuple[DataKey, str] | None:
        """Data key and ciphertext of a secret."""
        row = self._connection.execute(
            select(secrets.c.ciphertext, data_keys)
            .join(data_keys, secrets.c.data_key_id == data_keys.c.id)
            .where(secrets.c.scope == scope, secrets.c.key == key)
        ).one_or_none()
        if row is None:
            return None
        return DataKey(row.id, row.master_key_id, row.wrapped), row.ciphertext

    def put(self, scope: str, key: str, data_key: DataKey, ciphertext: str, now_ms: int) -> None:
        """Write a secret under a data key of its own; the one before and its key are forgotten."""
        self.delete(scope, key)
        self._keys.save_data_key(data_key, now_ms)
        self._connection.execute(
            insert(secrets),
            {
                "scope": scope,
                "key": key,
                "data_key_id": data_key.id,
                "ciphertext": ciphertext,
                "updated_at": now_ms,
            },
        )

    def delete(self, scope: str, key: str) -> bool:
        """Forget a secret and its data key; says whether there was one."""
        data_key_id = self._connection.execute(
            delete(secrets)
            .where(secrets.c.scope == scope, secrets.c.key == key)
            .returning(secrets.c.data_key_id)
        ).scalar()
        if data_key_id is None:
            return False
        self._keys.delete_data_key(data_key_id)
        return True

    def acls(self, scope: str) -> tuple[SecretAcl, ...]:
        """The ACLs of a scope, by principal."""
        rows = self._connection.execute(
            select(secret_acls)
            .where(secret_acls.c.scope == scope)
            .order_by(secret_acls.c.principal)
        )
        return tuple(SecretAcl(row.principal, cast(Permission, row.permission)) for row in rows)

    def all_acls(self) -> dict[str, list[SecretAcl]]:
        """The ACLs of every scope that has any, by the scope's name."""
        found: dict[str, list[SecretAcl]] = {}
        for row in self._connection.execute(select(secret_acls).order_by(secret_acls.c.principal)):
            acl = SecretAcl(row.principal, cast(Permission, row.permission))
            found.setdefault(row.scope, []).append(acl)
        return found

    def put_acl(self, scope: str, acl: SecretAcl) -> None:
        """Write what a principal may do, in place of what it could before."""
        self.delete_acl(scope, acl.principal)
        self._connection.execute(
            insert(secret_acls),
            {"scope": scope, "principal": acl.principal, "permission": acl.permission},
        )

    def forget_principal(self, principal: str) -> None:
        """Take everything from a principal, in every scope."""
        self._connection.execute(delete(secret_acls).where(secret_acls.c.principal == principal))

    def rename_principal(self, before: str, after: str) -> None:
        """Let a principal keep what it may do under another name."""
        self._connection.execute(
            update(secret_acls).where(secret_acls.c.principal == before).values(principal=after)
        )

    def delete_acl(self, scope: str, principal: str) -> bool:
        """Take everything from a principal; says whether it had anything."""
        deleted = self._connection.execute(
            delete(secret_acls)
            .where(secret_acls.c.scope == scope, secret_acls.c.principal == principal)
            .returning(secret_acls.c.principal)
        )
        return deleted.first() is not None
