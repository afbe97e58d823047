"""Writes down in each transaction what it changes, so that others need read only that."""

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from sqlalchemy import Connection, Engine, Table, delete, event, func, insert, select
from sqlalchemy.sql.dml import UpdateBase

from lakeserve.core.changes import EVERYTHING, Changed, Subject
from lakeserve.storage.tables import changes, endpoints

# From time to time the rows of what has long been deleted are given up.
MOST_ROWS = 50_000
LOOK_EVERY = 5_000

_SUBJECTS: Mapping[str, Subject] = {
    "endpoints": "endpoint",
    "entity_states": "state",
    "users": "account",
    "groups": "account",
    "group_members": "account",
    "tokens": "token",
    "clusters": "cluster",
    "object_grants": "cluster",
    "signing_keys": "signing",
    "service_principal_secrets": "signing",
}
_OPTION = "change_notes"


class ChangeNotes:
    """What one transaction changes; written at its end.

    Repositories name what they change. A statement that nobody accounts for counts as a change of
    everything of its subject: read too often is slow, read too seldom is wrong.
    """

    def __init__(self) -> None:
        self._keys: dict[Subject, set[str]] = {}
        self._subjects: set[Subject] = set()

    def note(self, subject: Subject, key: str) -> None:
        """Something of this key changes."""
        self._keys.setdefault(subject, set()).add(key)

    def saw(self, table: Table) -> None:
        """A statement writes to a table."""
        subject = _subject(table)
        if subject is not None:
            self._subjects.add(subject)

    def write(self, connection: Connection) -> None:
        """Write what was changed under the next revision; nothing when nothing was."""
        for subject in self._subjects - set(self._keys):
            self.note(subject, EVERYTHING)
        if not self._keys:
            return
        revision = _newest(connection) + 1
        if revision % LOOK_EVERY == 0:
            self._give_up_old_rows(connection)
        for subject, keys in self._keys.items():
            if EVERYTHING in keys:
                # It stands for all that was noted before, too.
                connection.execute(delete(changes).where(changes.c.subject == subject))
                keys = {EVERYTHING}
            else:
                connection.execute(
                    delete(changes).where(changes.c.subject == subject, changes.c.key.in_(keys))
                )
            connection.execute(
                insert(changes),
                [{"subject": subject, "key": key, "revision": revision} for key in sorted(keys)],
            )

    def _give_up_old_rows(self, connection: Connection) -> None:
        rows = connection.scalar(select(func.count()).select_from(changes)) or 0
        if rows > MOST_ROWS:
            for subject in get_args(Subject):
                self.note(subject, EVERYTHING)


class ChangeRepository:
    """Reads what was changed, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def revision(self) -> int:
        """The newest revision; 0 before the first change."""
        return _newest(self._connection)

    def since(self, revision: int) -> Changed:
        """What was changed after a revision."""
        rows = self._connection.execute(
            select(changes.c.subject, changes.c.key, changes.c.revision).where(
                changes.c.revision > revision
            )
        ).all()
        keys: dict[Subject, set[str]] = {}
        for row in rows:
            keys.setdefault(row.subject, set()).add(row.key)
        return Changed(
            max((row.revision for row in rows), default=revision),
            {subject: frozenset(found) for subject, found in keys.items()},
        )


def note(connection: Connection, subject: Subject, key: str) -> None:
    """Have it written that this transaction changes something of a key."""
    notes: ChangeNotes | None = connection.get_execution_options().get(_OPTION)
    if notes is not None:
        notes.note(subject, key)


def noting(connection: Connection) -> tuple[Connection, ChangeNotes]:
    """The connection with fresh notes for one transaction."""
    notes = ChangeNotes()
    return connection.execution_options(**{_OPTION: notes}), notes


def watch(engine: Engine) -> None:
    """Let notes see the statements of their transaction."""
    event.listen(engine, "after_execute", _after_execute)


def _after_execute(connection: Connection, statement: Any, *_others: object) -> None:
    if isinstance(statement, UpdateBase) and isinstance(statement.table, Table):
        notes: ChangeNotes | None = connection.get_execution_options().get(_OPTION)
        if notes is not None:
            notes.saw(statement.table)


@cache
def _subject(table: Table) -> Subject | None:
    """What writes to a table are about: rows that hang on an endpoint are a part of it."""
    hangs_on_endpoint = any(key.column.table is endpoints for key in table.foreign_keys)
    return "endpoint" if hangs_on_endpoint else _SUBJECTS.get(table.name)


def _newest(connection: Connection) -> int:
    return connection.scalar(select(func.max(changes.c.revision))) or 0
