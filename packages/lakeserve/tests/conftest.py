"""Databases for the tests of every room."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import KINDS, Database
from postgres_server import PostgresServer, ServerMissing, running_server
from sqlalchemy import create_engine, text

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server; one for the whole run."""
    try:
        with running_server() as server:
            yield server
    except ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def new_postgres(postgres_server: PostgresServer) -> Callable[..., Database]:
    """Makes an empty database of the server, or one that is a copy of another."""
    url = postgres_server.url("postgres").replace("postgresql:", "postgresql+psycopg:", 1)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")

    def make(template: str = "template0") -> Database:
        name = f"test{next(_numbers)}"
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine.dispose()
        return Database("postgresql", postgres_server.url(name))

    return make


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return Database("sqlite", tmp_path / "lakeserve.db")
    make: Callable[..., Database] = request.getfixturevalue("new_postgres")
    return make()
