"""Users and the digests of their tokens."""

from collections.abc import Collection, Iterator
from typing import Literal

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from lakeserve.core.identity import BUILT_IN_GROUPS, Principal, new_token_id
from lakeserve.storage.changes import note
from lakeserve.storage.tables import group_members, groups, tokens, users

TokenOrigin = Literal["settings", "api"]


class IdentityRepository:
    """Reads and writes users and token digests inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save_user(self, user: Principal, now_ms: int) -> None:
        """Write a user, keeping the creation time of the one with the same id."""
        note(self._connection, "account", user.id)
        values = {"name": user.name, "display_name": user.display_name, "admin": user.admin}
        known = self._connection.execute(
            update(users).where(users.c.id == user.id).values(values).returning(users.c.id)
        ).first()
        if known is None:
            self._connection.execute(insert(users), {"id": user.id, "created_at": now_ms, **values})

    def set_settings_token(self, user_id: str, digest: str, now_ms: int) -> None:
        """Make this the one token that comes from the settings; an earlier one stops working."""
        known = self._connection.execute(
            select(tokens.c.digest).where(
                tokens.c.digest == digest,
                tokens.c.origin == "settings",
                tokens.c.user_id == user_id,
            )
        ).first()
        outdated = or_(tokens.c.origin == "settings", tokens.c.digest == digest)
        if known is not None:
            outdated = outdated & (tokens.c.digest != digest)
        note(self._connection, "token", digest)
        for ended in self._connection.scalars(
            delete(tokens).where(outdated).returning(tokens.c.digest)
        ):
            note(self._connection, "token", ended)
        if known is None:
            self._connection.execute(
                insert(tokens),
                {
                    "digest": digest,
                    "id": new_token_id(),
                    "user_id": user_id,
                    "origin": "settings",
                    "comment": "Administrator's token of the settings",
                    "created_by": user_id,
                    "created_at": now_ms,
                    "expires_at": None,
                },
            )

    def forget_settings_token(self) -> None:
        """Let no token of the settings work any longer."""
        for ended in self._connection.scalars(
            delete(tokens).where(tokens.c.origin == "settings").returning(tokens.c.digest)
        ):
            note(self._connection, "token", ended)

    def principals(
        self,
        now_ms: int,
        *,
        digests: Collection[str] | None = None,
        account_ids: Collection[str] | None = None,
    ) -> dict[str, Principal]:
        """Who may call at that time, by the digest of their tokens.

        Args:
            now_ms: Tokens that have expired by then are left out.
            digests: Only these tokens.
            account_ids: Only the tokens of these accounts.
        """
        wanted = (
            select(tokens.c.digest, tokens.c.expires_at, users)
            .join(users, tokens.c.user_id == users.c.id)
            .where(users.c.active, or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now_ms))
        )
        if digests is not None:
            wanted = wanted.where(tokens.c.digest.in_(digests))
        if account_ids is not None:
            wanted = wanted.where(tokens.c.user_id.in_(account_ids))
        rows = self._connection.execute(wanted).all()
        memberships = self._groups() if rows else {}
        return {
            row.digest: Principal(
                id=row.id,
                name=row.name,
                display_name=row.display_name,
                admin=row.admin,
                groups=memberships.get(row.id, ()),
                expires_at=row.expires_at,
            )
            for row in rows
        }

    def active(self, name: str) -> Principal | None:
        """The active user or service principal of that name."""
        return next(iter(self._actives(users.c.name == name)), None)

    def knows(self, name: str) -> bool:
        """Whether a user, service principal (by application id) or group has that name."""
        if name in BUILT_IN_GROUPS:
            return True
        return any(
            self._connection.execute(select(column).where(column == name)).first() is not None
            for column in (users.c.name, groups.c.name)
        )

    def names(self) -> dict[str, str]:
        """Names of users and application ids of service principals, by their ids."""
        return {row.id: row.name for row in self._connection.execute(select(users))}

    def service_principals(self) -> dict[str, Principal]:
        """The active ones, by application id."""
        return {each.name: each for each in self._actives(users.c.kind == "service_principal")}

    def _actives(self, condition: ColumnElement[bool]) -> Iterator[Principal]:
        memberships = self._groups()
        for row in self._connection.execute(select(users).where(users.c.active, condition)):
            yield Principal(
                id=row.id,
                name=row.name,
                display_name=row.display_name,
                admin=row.admin,
                groups=memberships.get(row.id, ()),
            )

    def _groups(self) -> dict[str, tuple[str, ...]]:
        """Names of groups, by the ids of their members."""
        rows = self._connection.execute(
            select(group_members.c.user_id, groups.c.name)
            .join(groups, group_members.c.group_id == groups.c.id)
            .order_by(groups.c.name)
        )
        found: dict[str, tuple[str, ...]] = {}
        for row in rows:
            found[row.user_id] = (*found.get(row.user_id, ()), row.name)
        return found
