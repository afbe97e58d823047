"""Inference tables on disk, read back with the libraries that people would use."""

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from lakeserve.core.errors import NotBuilt
from lakeserve.core.usage import CallRecord
from lakeserve.storage import payloads
from lakeserve.storage.frames import Entry
from lakeserve.storage.payloads import PayloadTables, check_installed

NAME = "main.ml.chat_payload"
CALL = CallRecord(
    *("r", "mine", "e", "chat", "s", "chat-1", "anna", "chat", 200, False, 1_700_000_000_123, 12.6),
    payload_table=NAME,
    request='{"é": 1}'.encode(),
    response=b"\xff{}",
)


def entry(number: int, **fields: Any) -> Entry:
    return Entry(CALL._replace(request_id=f"r{number}", **fields), 0.0)


def rows(tables: PayloadTables, name: str = NAME) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DeltaTable(str(tables.path(name))).to_pyarrow_table().to_pylist()
    return sorted(found, key=lambda row: str(row["databricks_request_id"]))


@pytest.fixture
def tables(tmp_path: Path) -> PayloadTables:
    return PayloadTables(tmp_path / "tables")


def test_a_row_has_the_documented_columns(tables: PayloadTables, tmp_path: Path) -> None:
    tables.append([entry(1)], 1)
    assert tables.path(NAME) == tmp_path / "tables/main/ml/chat_payload"
    assert rows(tables) == [
        {
            "request_date": date(2023, 11, 14),
            "databricks_request_id": "r1",
            "client_request_id": "mine",
            "request_time": datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=timezone.utc),
            "status_code": 200,
            "sampling_fraction": 1.0,
            "execution_duration_ms": 13,
            "request": '{"é": 1}',
            "response": "�{}",
            "served_entity_id": "s",
            "logging_error_codes": [],
            "requester": "anna",
        }
    ]


def test_what_was_too_long_is_named(tables: PayloadTables) -> None:
    call = CALL._replace(request=None)
    tables.append([Entry(call, 0.0, ("MAX_REQUEST_SIZE_EXCEEDED",))], 1)
    (row,) = rows(tables)
    assert (row["request"], row["logging_error_codes"]) == (None, ["MAX_REQUEST_SIZE_EXCEEDED"])


def test_a_journal_is_appended_once_to_each_table(tables: PayloadTables) -> None:
    other = "main.ml.other_payload"
    both = [entry(1), entry(2, payload_table=other)]
    tables.append([both[0]], 7)
    tables.append(both, 7)  # as after a crash between two tables
    tables.append(both, 7)
    tables.append([entry(3)], 8)
    assert [row["databricks_request_id"] for row in rows(tables)] == ["r1", "r3"]
    assert [row["databricks_request_id"] for row in rows(tables, other)] == ["r2"]


def test_small_files_are_joined(tables: PayloadTables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "SMALL_FILES", 4)
    for number in range(1, 12):
        tables.append([entry(number)], number)
    assert len(DeltaTable(str(tables.path(NAME))).file_uris()) < 6
    assert len(rows(tables)) == 11
    tables.append([entry(11)], 11)
    assert len(rows(tables)) == 11


@pytest.mark.parametrize(
    "name", ["main.ml", "main.ml.a/b", "main..x_payload", "a.b.c.d", "../a.b.c"]
)
def test_other_names_lead_nowhere(tables: PayloadTables, name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a table"):
        tables.append([entry(1, payload_table=name)], 1)


def test_a_table_that_cannot_be_written_is_told(tables: PayloadTables) -> None:
    path = tables.path(NAME)
    path.parent.mkdir(parents=True)
    path.write_text("a file where the table should be")
    with pytest.raises(OSError, match="chat_payload"):
        tables.append([entry(1)], 1)
    path.unlink()
    tables.append([entry(1)], 1)
    assert len(rows(tables)) == 1


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed()
    monkeypatch.setattr(payloads, "find_spec", lambda name: None)
    with pytest.raises(NotBuilt, match=r"pip install 'lakeserve\[tables\]'"):
        check_installed()
