import subprocess
import sys

import pytest
from databases import Database
from lakeserve.core.errors import ConfigurationError


async def test_a_file_of_a_newer_version_is_refused(migrated: Database) -> None:
    migrated.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match=r"newer lakeserve .schema '9999'.*--data-dir"):
        await migrated.open()
    assert migrated.rows("SELECT * FROM alembic_version") == [("9999",)]


def test_an_ordinary_start_loads_no_migration_tool(migrated: Database) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from lakeserve.storage.database import Storage\n"
        "async def main():\n"
        "    place = Path(sys.argv[1]) if sys.argv[1].startswith('/') else sys.argv[1]\n"
        "    await (await Storage.open(place)).close()\n"
        "asyncio.run(main())\n"
        "print(*(n for n in ('alembic', 'sqlalchemy.orm', 'mako') if n in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(migrated.place)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
