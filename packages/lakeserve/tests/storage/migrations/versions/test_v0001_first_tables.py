import sqlite3
from contextlib import closing
from pathlib import Path

from lakeserve.storage.tables import metadata
from sqlalchemy import create_engine


def test_the_migration_names_constraints_as_the_model_does(migrated: Path, tmp_path: Path) -> None:
    modelled = tmp_path / "modelled.db"
    engine = create_engine(f"sqlite:///{modelled}")
    metadata.create_all(engine)
    engine.dispose()
    assert _statements(migrated) == _statements(modelled)


def _statements(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {
            name: " ".join(sql.split()) for name, sql in rows.fetchall() if "alembic" not in name
        }
