"""A platform on a PostgreSQL database."""

from collections.abc import Callable
from pathlib import Path

from databases import Database
from harness import start_platform
from postgres_server import PASSWORD

CHAT = "databricks-dbrx-instruct"
BASE = "/api/2.0/serving-endpoints"


def test_a_platform_on_postgresql_keeps_its_facts_there(
    tmp_path: Path, new_postgres: Callable[[], Database]
) -> None:
    database = new_postgres()
    for _ in range(2):
        platform = start_platform(tmp_path / "data", "--database-url", str(database.place))
        try:
            assert platform.ask(CHAT, "What is MLflow?").status == 200
            listed = platform.request("GET", BASE).json()["endpoints"]
            made = platform.request("POST", "/api/2.0/token/create", {"comment": "kept"})
            assert made.status == 200
        finally:
            assert platform.stop() == 0
    assert CHAT in {endpoint["name"] for endpoint in listed}
    assert database.rows("SELECT count(*) FROM tokens WHERE comment = 'kept'") == [(2,)]
    assert not (tmp_path / "data" / "lakeserve.db").exists()
    assert PASSWORD not in (tmp_path / "data.stderr").read_text()
