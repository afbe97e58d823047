"""SQLite: one file, one connection, no server."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from lakeserve.core.errors import ConfigurationError
from lakeserve.storage.engine import Opened, driver_words, remedy
from lakeserve.storage.schema import bring_to_newest


def open_sqlite(path: Path, busy_timeout_s: float) -> Opened:
    """Open a database file, creating it when missing, and bring it to the newest schema.

    Raises:
        ConfigurationError: The file cannot be used; the text says why and what to do.
    """
    try:
        # SQLite gives its journal files the mode of the database file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"database {path} cannot be opened: {error.strerror}. Choose a data directory that you"
            " can write: lakeserve up --data-dir DIRECTORY"
        ) from None
    engine = _engine(path, busy_timeout_s)
    try:
        with engine.connect() as connection:
            connection = connection.execution_options(sqlite_begin="IMMEDIATE")
            with connection.begin():
                bring_to_newest(connection, str(path))
    except (DBAPIError, sqlite3.Error) as error:
        engine.dispose()
        reason = driver_words(error)
        raise ConfigurationError(
            f"database {path} cannot be used: {reason}. {remedy(reason)}"
        ) from None
    except BaseException:
        engine.dispose()
        raise
    return Opened(
        engine,
        str(path),
        threads=1,
        reading={"sqlite_begin": "DEFERRED"},
        writing={"sqlite_begin": "IMMEDIATE"},
    )


def _engine(path: Path, busy_timeout_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={
            "timeout": busy_timeout_s,
            # Transactions begin where SQLAlchemy says so, not where the driver guesses.
            "isolation_level": None,
            # The thread that closes may be another one when opening failed half-way.
            "check_same_thread": False,
        },
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
