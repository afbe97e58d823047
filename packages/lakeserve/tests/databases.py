"""Databases of both kinds, for tests that look at or meddle with what is stored."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from lakeserve.storage.database import Storage
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Database:
    """An empty database at the start.

    Attributes:
        place: What ``Storage.open`` takes.
    """

    kind: Kind
    place: Path | str

    async def open(self, busy_timeout_s: float = 5.0) -> Storage:
        return await Storage.open(self.place, busy_timeout_s=busy_timeout_s)

    @contextmanager
    def connection(self) -> Any:
        """A transaction beside the platform's."""
        if isinstance(self.place, Path):
            engine = create_engine(f"sqlite:///{self.place}", poolclass=NullPool)
        else:
            url = self.place.replace("postgresql:", "postgresql+psycopg:", 1)
            engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def execute(self, sql: str, **values: object) -> None:
        with self.connection() as connection:
            connection.execute(text(sql), values)

    def rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        with self.connection() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def insert(self, table: str, **values: object) -> None:
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", **values)

    def bring_to(self, revision: str) -> None:
        """Run the migrations up to one."""
        config = Config()
        config.set_main_option("script_location", "lakeserve.storage:migrations")
        config.set_main_option("path_separator", "os")
        with self.connection() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def inspected(self, look: Callable[[Connection], Any]) -> Any:
        with self.connection() as connection:
            return look(connection)


Environment = Mapping[str, str]
