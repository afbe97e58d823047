"""The audit log: rows are added and read, never changed."""

from sqlalchemy import Connection, insert, select

from lakeserve.core.audit import AuditEntry
from lakeserve.storage.tables import audit_log


class AuditRepository:
    """Adds to the audit log and reads it, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, entry: AuditEntry) -> None:
        """Add a row."""
        self._connection.execute(
            insert(audit_log),
            {
                "at": entry.at,
                "actor": entry.actor,
                "action": entry.action,
                "object": entry.object,
                "source": entry.source,
                "status": entry.status,
            },
        )

    def newest(
        self, count: int, *, before_id: int | None = None, actor: str | None = None
    ) -> tuple[tuple[int, AuditEntry], ...]:
        """Rows with their ids, newest first.

        Args:
            count: How many at most.
            before_id: Only rows that are older than the one of this id.
            actor: Only rows of this principal.
        """
        wanted = select(audit_log).order_by(audit_log.c.id.desc()).limit(count)
        if before_id is not None:
            wanted = wanted.where(audit_log.c.id < before_id)
        if actor is not None:
            wanted = wanted.where(audit_log.c.actor == actor)
        return tuple(
            (
                row.id,
                AuditEntry(row.at, row.actor, row.action, row.object, row.source, row.status),
            )
            for row in self._connection.execute(wanted)
        )
