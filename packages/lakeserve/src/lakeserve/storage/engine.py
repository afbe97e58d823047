"""What a kind of database brings along: an engine, and how transactions begin there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True)
class Opened:
    """A database of the newest schema.

    Attributes:
        place: How messages name it; holds no password.
        threads: How many transactions may run at a time.
        reading: Execution options of transactions that only read.
        writing: Execution options of the others.
        lock: Statement that makes a writer wait for the one before, where beginning does not.
    """

    engine: Engine
    place: str
    threads: int
    reading: Mapping[str, object] = field(default_factory=dict)
    writing: Mapping[str, object] = field(default_factory=dict)
    lock: str | None = None


def driver_words(error: Exception) -> str:
    """The driver's own words: SQLAlchemy's text would show statements and their values."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig else error
    # The server's first line only: details after it may quote what is stored.
    told = getattr(getattr(original, "diag", None), "message_primary", None)
    return str(told or original).partition("\n")[0].strip()


def remedy(reason: str) -> str:
    """What to do about a database that cannot be used, by the driver's words for it."""
    lowered = reason.lower()
    for words, advice in _REMEDIES:
        if any(word in lowered for word in words):
            return advice
    return "Check the database's own log, its disk and its rights."


_REMEDIES = (
    (
        ("locked", "lock timeout"),
        "Another program holds it; stop that program, or repeat the call when it is done.",
    ),
    (
        ("full", "no space left", "disk i/o error", "could not extend"),
        "Free some disk space and repeat the call.",
    ),
    (("readonly", "read-only"), "Give this user the right to write it and its directory."),
    (
        ("not a database", "malformed"),
        "Restore a copy, or move the file away: a new one is made at the next start, from the"
        " settings.",
    ),
    (
        ("password", "authentication", "role", "permission denied"),
        "Check the user and the password of database_url.",
    ),
    (("does not exist",), "Create it, or check database_url."),
    (
        ("connection", "terminating", "closed the", "starting up", "shutting down", "timeout"),
        "Check that the database server runs and can be reached; it is connected to again by"
        " itself.",
    ),
)
