from typing import Any

from databases import Database
from lakeserve.storage.tables import metadata
from sqlalchemy import Connection, inspect


def test_the_migrations_name_constraints_as_the_model_does(migrated: Database) -> None:
    migrations = migrated.inspected(_described)
    with migrated.connection() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert migrations == migrated.inspected(_described)


def _described(connection: Connection) -> dict[str, Any]:
    seen = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in seen.get_columns(table)
            },
            "primary key": seen.get_pk_constraint(table),
            "foreign keys": sorted(map(str, seen.get_foreign_keys(table))),
            "unique": sorted(map(str, seen.get_unique_constraints(table))),
            "indexes": sorted(map(str, seen.get_indexes(table))),
        }
        for table in metadata.tables
    }
