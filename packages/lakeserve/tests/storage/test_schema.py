import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from lakeserve.core.errors import ConfigurationError
from lakeserve.storage.database import Storage


async def test_a_file_of_a_newer_version_is_refused(migrated: Path) -> None:
    with closing(sqlite3.connect(migrated)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ConfigurationError, match=r"newer lakeserve .schema '9999'.*--data-dir"):
        await Storage.open(migrated)
    with closing(sqlite3.connect(migrated)) as connection:
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("9999",)]


def test_an_ordinary_start_loads_no_migration_tool(migrated: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from lakeserve.storage.database import Storage\n"
        "async def main():\n"
        "    await (await Storage.open(Path(sys.argv[1]))).close()\n"
        "asyncio.run(main())\n"
        "print(*(n for n in ('alembic', 'sqlalchemy.orm', 'mako') if n in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(migrated)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
