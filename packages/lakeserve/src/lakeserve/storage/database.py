"""The database of one platform: a SQLite file, reached through one thread.

SQLAlchemy's core runs in a thread of its own rather than through its asyncio extension, which would
bring greenlet and the object mapper along for the same single SQLite connection.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from lakeserve.core.errors import ConfigurationError, Unavailable
from lakeserve.storage.schema import bring_to_newest
from lakeserve.storage.transaction import Transaction

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

BUSY_TIMEOUT_S = 5.0
RETRY_AFTER_S = 5


class Storage:
    """Runs transactions, one at a time. Close it when done."""

    def __init__(self, engine: Engine, executor: ThreadPoolExecutor, path: Path) -> None:
        self._engine = engine
        self._executor = executor
        self._path = path

    @classmethod
    async def open(cls, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> "Storage":
        """Open a database file, creating it when missing, and bring it to the newest schema.

        Args:
            path: The SQLite file; its directory must exist.
            busy_timeout_s: How long to wait for another process that holds the file.

        Raises:
            ConfigurationError: The file cannot be used; the text says why and what to do.
        """
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="storage")
        loop = asyncio.get_running_loop()
        try:
            engine = await loop.run_in_executor(executor, _open, path, busy_timeout_s)
        except BaseException:
            executor.shutdown(wait=False)
            raise
        return cls(engine, executor, path)

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._engine.dispose)
        self._executor.shutdown(wait=False)

    async def read(self, work: Callable[[Transaction], Result]) -> Result:
        """Run reads that belong together.

        Raises:
            Unavailable: The database cannot be read now.
        """
        return await self._run(work, "DEFERRED")

    async def write(self, work: Callable[[Transaction], Result]) -> Result:
        """Run reads and writes that belong together: all of them take effect, or none.

        Raises:
            Unavailable: The database cannot be written now; nothing was changed.
        """
        return await self._run(work, "IMMEDIATE")

    async def _run(self, work: Callable[[Transaction], Result], mode: str) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, self._in_transaction, work, mode)
        except DBAPIError as error:
            reason = _reason(error)
            logger.error("database %s: %s", self._path, reason)
            raise Unavailable(
                f"The platform's database cannot be used now: {reason}.", retry_after=RETRY_AFTER_S
            ) from None

    def _in_transaction(self, work: Callable[[Transaction], Result], mode: str) -> Result:
        with self._engine.connect() as connection:
            connection = connection.execution_options(sqlite_begin=mode)
            with connection.begin():
                return work(Transaction(connection))


def _open(path: Path, busy_timeout_s: float) -> Engine:
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
        raise ConfigurationError(_unusable(path, _reason(error))) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


def _engine(path: Path, busy_timeout_s: float) -> Engine:
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(
        url,
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


def _reason(error: Exception) -> str:
    """The driver's own words: SQLAlchemy's text would show statements and their values."""
    return str(getattr(error, "orig", None) or error)


def _unusable(path: Path, reason: str) -> str:
    if "locked" in reason:
        remedy = "Stop the program that holds it and start again"
    elif "readonly" in reason:
        remedy = "Give this user the right to write the file and its directory"
    elif "not a database" in reason or "malformed" in reason:
        remedy = (
            "Restore a copy, or move the file away: a new one is made at the next start, from the"
            " settings"
        )
    else:
        remedy = "Check the disk and the rights of its directory"
    return f"database {path} cannot be used: {reason}. {remedy}."
