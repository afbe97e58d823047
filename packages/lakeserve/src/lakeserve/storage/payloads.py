"""Inference tables: requests and replies as Delta tables in the data directory.

Delta is Parquet with a log beside it: an append takes effect wholly or not at all, knows the number
of the journal that it came from, and small files can be joined while others read. ``deltalake`` and
``pyarrow`` come with an extra.
"""

import logging
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeserve.core.errors import NotBuilt
from lakeserve.storage.frames import Entry

if TYPE_CHECKING:
    from deltalake import DeltaTable

logger = logging.getLogger(__name__)

# Under this name tables remember the number of the last journal that is in them.
WRITER = "lakeserve"
SMALL_FILES = 32
# Files that were joined stay so long for readers that have just begun.
KEEP_JOINED_HOURS = 1

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,255}")


def check_installed() -> None:
    """Refuse inference tables where nothing can write them.

    Raises:
        NotBuilt: The extra is not installed.
    """
    if find_spec("deltalake") is None or find_spec("pyarrow") is None:
        raise NotBuilt(
            "Inference tables need packages that are not installed here: pip install"
            " 'lakeserve[tables]'"
        )


class PayloadTables:
    """The inference tables of one data directory; one process writes them.

    Args:
        directory: Holds a folder per catalog, in it one per schema, in it one per table.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def append(self, entries: Sequence[Entry], number: int) -> None:
        """Add calls to the tables that they name, unless this journal is in there already.

        Args:
            entries: Calls with the name of a table.
            number: Of their journal; those of later calls of this method must not be smaller.

        Raises:
            OSError: A table cannot be written; trying again is safe.
            NotBuilt: The extra is not installed any more.
        """
        check_installed()
        by_table: dict[str, list[Entry]] = {}
        for entry in entries:
            by_table.setdefault(entry.call.payload_table, []).append(entry)
        for name, its in by_table.items():
            self._append(name, its, number)

    def path(self, name: str) -> Path:
        """The folder of the table ``<catalog>.<schema>.<table>``.

        Raises:
            ValueError: It is no such name.
        """
        parts = name.split(".")
        if len(parts) != 3 or not all(_SAFE.fullmatch(part) for part in parts):
            raise ValueError(f"{name!r} is not the name of a table")
        return self._directory.joinpath(*parts)

    def _append(self, name: str, entries: Sequence[Entry], number: int) -> None:
        from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
        from deltalake.exceptions import DeltaError

        path = self.path(name)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if DeltaTable.is_deltatable(str(path)):
                table = DeltaTable(str(path))
                if (table.transaction_version(WRITER) or 0) >= number:
                    return
                _join_small_files(table)
            marked = CommitProperties(app_transactions=[Transaction(WRITER, number)])
            write_deltalake(str(path), _rows(entries), mode="append", commit_properties=marked)
        except DeltaError as error:
            raise OSError(f"inference table {name} in {path}: {error}") from error


def _join_small_files(table: "DeltaTable") -> None:
    if len(table.file_uris()) < SMALL_FILES:
        return
    table.optimize.compact()
    table.vacuum(KEEP_JOINED_HOURS, dry_run=False, enforce_retention_duration=False)
    table.create_checkpoint()
    table.cleanup_metadata()


def _rows(entries: Sequence[Entry]) -> Any:
    import pyarrow

    schema = pyarrow.schema(
        [
            ("request_date", pyarrow.date32()),
            ("databricks_request_id", pyarrow.string()),
            ("client_request_id", pyarrow.string()),
            ("request_time", pyarrow.timestamp("us", tz="UTC")),
            ("status_code", pyarrow.int32()),
            ("sampling_fraction", pyarrow.float64()),
            ("execution_duration_ms", pyarrow.int64()),
            ("request", pyarrow.string()),
            ("response", pyarrow.string()),
            ("served_entity_id", pyarrow.string()),
            ("logging_error_codes", pyarrow.list_(pyarrow.string())),
            ("requester", pyarrow.string()),
        ]
    )
    return pyarrow.Table.from_pylist([_row(entry) for entry in entries], schema=schema)


def _row(entry: Entry) -> dict[str, object]:
    call = entry.call
    time = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=call.started_at)
    return {
        "request_date": time.date(),
        "databricks_request_id": call.request_id,
        "client_request_id": call.client_request_id,
        "request_time": time,
        "status_code": call.status,
        "sampling_fraction": 1.0,
        "execution_duration_ms": round(call.duration_ms),
        "request": _text(call.request),
        "response": _text(call.response),
        "served_entity_id": call.entity_id,
        "logging_error_codes": list(entry.errors),
        "requester": call.requester,
    }


def _text(payload: bytes | None) -> str | None:
    return None if payload is None else payload.decode(errors="replace")
