"""Users, service principals, groups and OAuth secrets."""

from collections.abc import Collection, Iterable
from typing import cast

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from lakeserve.core.accounts import (
    USUAL_ENTITLEMENTS,
    Account,
    AccountKind,
    ClientSecret,
    Group,
)
from lakeserve.core.identity import BUILT_IN_GROUPS
from lakeserve.storage.changes import note
from lakeserve.storage.tables import group_members, groups, service_principal_secrets, users

# No account has this id: noted where a change may be about none.
NOBODY = ""


class AccountRepository:
    """Reads and writes accounts, groups and client secrets inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, kind: AccountKind) -> tuple[Account, ...]:
        """Every account of a kind, oldest first."""
        return self._select(users.c.kind == kind)

    def find(self, account_id: str, kind: AccountKind | None = None) -> Account | None:
        """The account of that id."""
        found = next(iter(self._select(users.c.id == account_id)), None)
        return found if found is None or kind in {None, found.kind} else None

    def named(self, name: str) -> Account | None:
        """The account of that user name or application id."""
        return next(iter(self._select(users.c.name == name)), None)

    def save(self, account: Account) -> None:
        """Write an account, in place of the one of its id."""
        note(self._connection, "account", account.id)
        values = {
            "kind": account.kind,
            "name": account.name,
            "display_name": account.display_name,
            "admin": account.admin,
            "active": account.active,
            "external_id": account.external_id,
            "entitlements": list(account.entitlements),
            "roles": list(account.roles),
        }
        changed = self._connection.execute(
            update(users).where(users.c.id == account.id).values(values).returning(users.c.id)
        )
        if changed.first() is None:
            self._connection.execute(
                insert(users), {"id": account.id, "created_at": account.created_at, **values}
            )

    def delete(self, account_id: str) -> None:
        """Forget an account with its tokens, secrets and memberships."""
        note(self._connection, "account", account_id)
        self._connection.execute(delete(users).where(users.c.id == account_id))

    def groups(self) -> tuple[Group, ...]:
        """Every group: ``users`` and ``admins``, then the others, oldest first."""
        everyone = self._connection.execute(select(users).order_by(users.c.id)).all()
        built_in = {
            "users": tuple(row.id for row in everyone),
            "admins": tuple(row.id for row in everyone if row.admin),
        }
        members: dict[str, list[str]] = {}
        for row in self._connection.execute(
            select(group_members).order_by(group_members.c.user_id)
        ):
            members.setdefault(row.group_id, []).append(row.user_id)
        rows = self._connection.execute(select(groups).order_by(groups.c.created_at, groups.c.id))
        return (
            *(
                Group(group_id, name, 0, member_ids=built_in[name])
                for name, group_id in BUILT_IN_GROUPS.items()
            ),
            *(
                Group(
                    row.id,
                    row.name,
                    row.created_at,
                    row.external_id,
                    tuple(members.get(row.id, ())),
                )
                for row in rows
            ),
        )

    def save_group(self, group: Group) -> None:
        """Write a group with its members, in place of the one of its id.

        Of ``admins`` the members are written; ``users`` has no members of its own.
        """
        if group.is_built_in:
            if group.name == "admins":
                self._set_admins(group.member_ids)
            return
        self._note_members(group.id)
        values = {"name": group.name, "external_id": group.external_id}
        changed = self._connection.execute(
            update(groups).where(groups.c.id == group.id).values(values).returning(groups.c.id)
        )
        if changed.first() is None:
            self._connection.execute(
                insert(groups), {"id": group.id, "created_at": group.created_at, **values}
            )
        self._connection.execute(delete(group_members).where(group_members.c.group_id == group.id))
        self._join(group.id, group.member_ids)

    def delete_group(self, group_id: str) -> None:
        """Forget a group; its members stay."""
        self._note_members(group_id)
        self._connection.execute(delete(groups).where(groups.c.id == group_id))

    def _set_admins(self, member_ids: Collection[str]) -> None:
        wanted = users.c.id.in_(member_ids)
        changed = self._connection.scalars(
            update(users).where(users.c.admin != wanted).values(admin=wanted).returning(users.c.id)
        )
        for account_id in changed:
            note(self._connection, "account", account_id)

    def _note_members(self, group_id: str) -> None:
        """What their principals are called by changes with the group, which may have none."""
        members = select(group_members.c.user_id).where(group_members.c.group_id == group_id)
        note(self._connection, "account", NOBODY)
        for account_id in self._connection.scalars(members).all():
            note(self._connection, "account", account_id)

    def _join(self, group_id: str, member_ids: Iterable[str]) -> None:
        for member_id in member_ids:
            note(self._connection, "account", member_id)
            self._connection.execute(
                insert(group_members), {"group_id": group_id, "user_id": member_id}
            )

    def client_secrets(self, account_id: str) -> tuple[ClientSecret, ...]:
        """The OAuth secrets of a service principal, oldest first."""
        table = service_principal_secrets
        rows = self._connection.execute(
            select(table)
            .where(table.c.user_id == account_id)
            .order_by(table.c.created_at, table.c.id)
        )
        return tuple(
            ClientSecret(row.id, row.user_id, row.digest, row.created_at, row.expires_at)
            for row in rows
        )

    def secret_owners(self) -> dict[str, str]:
        """Ids of the owners of all OAuth secrets, by the ids of the secrets."""
        table = service_principal_secrets
        rows = self._connection.execute(select(table.c.id, table.c.user_id))
        return {row.id: row.user_id for row in rows}

    def save_client_secret(self, secret: ClientSecret) -> None:
        """Write a new OAuth secret."""
        self._connection.execute(
            insert(service_principal_secrets),
            {
                "id": secret.id,
                "user_id": secret.account_id,
                "digest": secret.digest,
                "created_at": secret.created_at,
                "expires_at": secret.expires_at,
            },
        )

    def delete_client_secret(self, account_id: str, secret_id: str) -> bool:
        """Forget an OAuth secret; says whether there was one."""
        table = service_principal_secrets
        deleted = self._connection.execute(
            delete(table)
            .where(table.c.user_id == account_id, table.c.id == secret_id)
            .returning(table.c.id)
        )
        return deleted.first() is not None

    def _select(self, condition: ColumnElement[bool]) -> tuple[Account, ...]:
        rows = self._connection.execute(
            select(users).where(condition).order_by(users.c.created_at, users.c.id)
        )
        return tuple(
            Account(
                id=row.id,
                kind=cast(AccountKind, row.kind),
                name=row.name,
                display_name=row.display_name,
                created_at=row.created_at,
                admin=row.admin,
                active=row.active,
                external_id=row.external_id,
                entitlements=(
                    USUAL_ENTITLEMENTS if row.entitlements is None else tuple(row.entitlements)
                ),
                roles=tuple(row.roles or ()),
            )
            for row in rows
        )
