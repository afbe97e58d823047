"""Who was granted what on which endpoint."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, update

from lakeserve.core.grants import Grant, GranteeKind
from lakeserve.storage.tables import endpoint_grants


class GrantRepository:
    """Writes grants inside one transaction; they are read as a part of their endpoint."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, endpoint_id: str, grants: Iterable[Grant]) -> None:
        """Make these the endpoint's only grants."""
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

    def forget(self, kind: GranteeKind, name: str) -> None:
        """Take everything from a principal, on every endpoint."""
        table = endpoint_grants
        self._connection.execute(delete(table).where(table.c.kind == kind, table.c.name == name))

    def rename_group(self, before: str, after: str) -> None:
        """Let a group keep what it may do under another name."""
        table = endpoint_grants
        self._connection.execute(
            update(table).where(table.c.kind == "group", table.c.name == before).values(name=after)
        )
