"""The database of one platform: a SQLite file or a PostgreSQL database, reached through threads.

SQLAlchemy's core runs in threads of its own rather than through its asyncio extension, which would
bring greenlet and the object mapper along for the few connections that a platform needs.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, TimeoutError

from lakeserve.core.errors import InvalidParameter, Unavailable
from lakeserve.settings import Settings
from lakeserve.storage.changes import noting, watch
from lakeserve.storage.engine import Opened, driver_words, remedy
from lakeserve.storage.postgresql import open_postgresql
from lakeserve.storage.sqlite import open_sqlite
from lakeserve.storage.transaction import Transaction

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

BUSY_TIMEOUT_S = 5.0
RETRY_AFTER_S = 5


class Storage:
    """Runs transactions; those that write run one at a time. Close it when done."""

    def __init__(self, opened: Opened, executor: ThreadPoolExecutor) -> None:
        self._opened = opened
        self._executor = executor

    @classmethod
    async def open(cls, place: Path | str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> "Storage":
        """Open a database, creating a file that is missing, and bring it to the newest schema.

        Args:
            place: The SQLite file, whose directory must exist, or the URL of a PostgreSQL database.
            busy_timeout_s: How long to wait for another process that writes.

        Raises:
            ConfigurationError: It cannot be used; the text says why and what to do.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1) as opening:
            if isinstance(place, Path):
                opened = await loop.run_in_executor(opening, open_sqlite, place, busy_timeout_s)
            else:
                opened = await loop.run_in_executor(opening, open_postgresql, place, busy_timeout_s)
        watch(opened.engine)
        executor = ThreadPoolExecutor(opened.threads, thread_name_prefix="storage")
        return cls(opened, executor)

    async def close(self) -> None:
        """Finish what was begun and close the database."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._executor.shutdown)
        await loop.run_in_executor(None, self._opened.engine.dispose)

    async def read(self, work: Callable[[Transaction], Result]) -> Result:
        """Run reads that belong together: all of them see the same moment.

        Raises:
            Unavailable: The database cannot be read now.
        """
        return await self._run(work, self._opened.reading, None)

    async def write(self, work: Callable[[Transaction], Result]) -> Result:
        """Run reads and writes that belong together: all of them take effect, or none.

        Raises:
            Unavailable: The database cannot be written now; nothing was changed.
            InvalidParameter: The database cannot keep a value.
        """
        return await self._run(work, self._opened.writing, self._opened.lock)

    async def _run(
        self, work: Callable[[Transaction], Result], options: Mapping[str, object], lock: str | None
    ) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._executor, self._in_transaction, work, options, lock
            )
        except DataError as error:
            raise InvalidParameter(
                f"A value cannot be stored: {driver_words(error)}. Nothing was changed."
            ) from None
        except (DBAPIError, TimeoutError) as error:
            reason = driver_words(error)
            logger.error("database %s: %s", self._opened.place, reason)
            raise Unavailable(
                f"The platform's database cannot be used now: {reason}. Nothing was changed."
                f" {remedy(reason)}",
                retry_after=RETRY_AFTER_S,
            ) from None

    def _in_transaction(
        self, work: Callable[[Transaction], Result], options: Mapping[str, object], lock: str | None
    ) -> Result:
        with self._opened.engine.connect() as connection:
            connection, notes = noting(connection.execution_options(**options))
            with connection.begin():
                if lock is not None:
                    connection.execute(text(lock))
                result = work(Transaction(connection))
                notes.write(connection)
                return result


async def open_storage(settings: Settings) -> Storage:
    """Open the database that the settings name.

    Raises:
        ConfigurationError: It cannot be used; the text says why and what to do.
    """
    if settings.database_url is None:
        return await Storage.open(settings.database_path)
    return await Storage.open(settings.database_url.get_secret_value())
