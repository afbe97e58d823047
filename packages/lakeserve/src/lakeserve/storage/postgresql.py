"""PostgreSQL: a server that several platforms and gateways share."""

from sqlalchemy import URL, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from lakeserve.core.errors import ConfigurationError
from lakeserve.storage.engine import Opened, driver_words, remedy
from lakeserve.storage.schema import bring_to_newest

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
CONNECTIONS = 4
CONNECT_TIMEOUT_S = 5
# Migrations of another process may take a while.
MIGRATION_TIMEOUT_S = 120

# Writers wait for each other on this number, as SQLite's do on the file: what one transaction
# checks and then writes is never overtaken, and revisions grow in the order of the commits.
WRITER_LOCK = 7_305_021_744


def open_postgresql(url: str, busy_timeout_s: float) -> Opened:
    """Connect to a database and bring it to the newest schema.

    Args:
        url: ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``; parameters of libpq may follow.
        busy_timeout_s: How long a writer waits for the one before it.

    Raises:
        ConfigurationError: It cannot be used; the text says why, what to do, and no password.
    """
    parsed = _parsed(url)
    # Parameters are left out: a password may be among them.
    place = parsed.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
    try:
        engine = create_engine(
            parsed,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,  # finds out about a server that was started anew
            connect_args=_connect_arguments(parsed, busy_timeout_s),
        )
    except ModuleNotFoundError:
        raise ConfigurationError(
            "database_url names a PostgreSQL database, which needs the package psycopg."
            " Run: pip install 'lakeserve[postgres]'"
        ) from None
    try:
        with engine.begin() as connection:
            limit = MIGRATION_TIMEOUT_S * 1000
            connection.execute(text(f"SET LOCAL lock_timeout = {limit}"))
            connection.execute(text(lock_statement()))
            bring_to_newest(connection, place)
    except DBAPIError as error:
        engine.dispose()
        raise ConfigurationError(_unusable(place, parsed, error)) from None
    except BaseException:
        engine.dispose()
        raise
    return Opened(
        engine,
        place,
        threads=CONNECTIONS,
        reading={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        # Each statement sees what the writer before has committed; the lock does the rest.
        writing={"isolation_level": "READ COMMITTED", "postgresql_readonly": False},
        lock=lock_statement(),
    )


def lock_statement() -> str:
    """Waits for the writer before; the lock goes with the transaction, however it ends."""
    return f"SELECT pg_advisory_xact_lock({WRITER_LOCK})"


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        known = parsed.drivername in SCHEMES and parsed.database
    except (ArgumentError, ValueError):  # their texts show the whole URL
        known = False
    if not known:
        raise ConfigurationError(
            "database_url is not the URL of a PostgreSQL database; accepted:"
            " postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Leave it out for a SQLite file in the"
            " data directory"
        )
    return parsed.set(drivername="postgresql+psycopg")


def _connect_arguments(parsed: URL, busy_timeout_s: float) -> dict[str, object]:
    given = parsed.query
    arguments: dict[str, object] = {
        "options": f"-c lock_timeout={max(1, round(busy_timeout_s * 1000))}",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "lakeserve",
    }
    return {name: value for name, value in arguments.items() if name not in given}


def _unusable(place: str, parsed: URL, error: DBAPIError) -> str:
    reason = driver_words(error)
    for password in (parsed.password, parsed.query.get("password")):
        if password:
            reason = reason.replace(str(password), "***")
    return f"database {place} cannot be used: {reason}. {remedy(reason)}"
