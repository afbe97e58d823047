"""Who was granted what on which endpoint, cluster or other thing."""

from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import Connection, delete, insert, select, update

from lakeserve.core.grants import Grant, GranteeKind, Level, ObjectType
from lakeserve.storage.changes import note
from lakeserve.storage.tables import endpoint_grants, object_grants


class GrantRepository:
    """Reads and writes grants inside one transaction.

    Those on endpoints are read as a part of their endpoint.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, endpoint_id: str, grants: Iterable[Grant]) -> None:
        """Make these the endpoint's only grants."""
        note(self._connection, "endpoint", endpoint_id)
        table = endpoint_grants
        self._connection.execute(delete(table).where(table.c.endpoint_id == endpoint_id))
        for grant in grants:
            self._connection.execute(
                insert(table),
                {
                    "endpoint_id": endpoint_id,
                    "kind": grant.kind,
                    "name": grant.name,
                    "level": grant.level,
                },
            )

    def all_on(self, object_type: ObjectType) -> dict[str, tuple[Grant, ...]]:
        """The grants on everything of a type, by the thing's id."""
        table = object_grants
        rows = self._connection.execute(
            select(table)
            .where(table.c.object_type == object_type)
            .order_by(table.c.object_id, table.c.kind, table.c.name)
        )
        found: dict[str, list[Grant]] = {}
        for row in rows:
            grant = Grant(cast(GranteeKind, row.kind), row.name, cast(Level, row.level))
            found.setdefault(row.object_id, []).append(grant)
        return {object_id: tuple(grants) for object_id, grants in found.items()}

    def replace_on(self, object_type: ObjectType, object_id: str, grants: Iterable[Grant]) -> None:
        """Make these the only grants on a thing that is no endpoint."""
        if object_type == "clusters":
            note(self._connection, "cluster", object_id)
        table = object_grants
        self._connection.execute(
            delete(table).where(table.c.object_type == object_type, table.c.object_id == object_id)
        )
        for grant in grants:
            self._connection.execute(
                insert(table),
                {
                    "object_type": object_type,
                    "object_id": object_id,
                    "kind": grant.kind,
                    "name": grant.name,
                    "level": grant.level,
                },
            )

    def forget(self, kind: GranteeKind, name: str) -> None:
        """Take everything from a principal, on everything."""
        for table in (endpoint_grants, object_grants):
            touched = self._connection.execute(
                delete(table)
                .where(table.c.kind == kind, table.c.name == name)
                .returning(*table.primary_key)
            )
            self._note(touched)

    def rename_group(self, before: str, after: str) -> None:
        """Let a group keep what it may do under another name."""
        for table in (endpoint_grants, object_grants):
            touched = self._connection.execute(
                update(table)
                .where(table.c.kind == "group", table.c.name == before)
                .values(name=after)
                .returning(*table.primary_key)
            )
            self._note(touched)

    def _note(self, touched: Iterable[Any]) -> None:
        for row in touched:
            if "endpoint_id" in row._fields:
                note(self._connection, "endpoint", row.endpoint_id)
            elif row.object_type == "clusters":
                note(self._connection, "cluster", row.object_id)
