"""Numbers that pass between processes."""

import os
from pathlib import Path

from lakeserve.storage.process_status import ProcessStatus, Status, read_statuses


def test_numbers_are_read_and_old_ones_removed(tmp_path: Path) -> None:
    count = 1.0
    strays = {401: 3}
    status = ProcessStatus(tmp_path, {"in_flight": lambda: count}, strays)
    status.write()
    count = 2.0
    status.write()
    assert read_statuses(tmp_path) == {str(os.getpid()): Status({"in_flight": 2.0}, {"401": 3})}
    os.utime(tmp_path / f"{os.getpid()}.status", (0, 0))
    assert read_statuses(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
    status.write()
    status.remove()
    assert read_statuses(tmp_path) == {}


def test_what_is_no_status_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "1.status").write_text("{")
    (tmp_path / "2.status").write_text('{"in_flight": 2.0}')  # of an earlier version
    assert read_statuses(tmp_path) == {}
    ProcessStatus(tmp_path / "missing", {"a": lambda: 1.0}).write()
    assert read_statuses(tmp_path / "missing") == {}
