import json
from pathlib import Path

import psutil
import pytest
from lakeserve.app.run_file import Running, find_running

URL = "http://127.0.0.1:8400"


def leave(data_dir: Path, facts: object) -> None:
    (data_dir / "lakeserve.run.json").write_text(json.dumps(facts))


def test_a_running_platform_is_found(tmp_path: Path) -> None:
    me = psutil.Process()
    leave(tmp_path, {"pid": me.pid, "started": me.create_time(), "url": URL})
    assert find_running(tmp_path) == Running(me.pid, URL)


def test_another_program_with_the_process_id_of_a_killed_platform_is_not(tmp_path: Path) -> None:
    me = psutil.Process()
    leave(tmp_path, {"pid": me.pid, "started": me.create_time() - 1000, "url": URL})
    assert find_running(tmp_path) is None


@pytest.mark.parametrize("facts", [[], {}, {"pid": "x"}, {"pid": 2**30, "started": 0, "url": URL}])
def test_a_file_that_says_nothing_useful_means_nobody(tmp_path: Path, facts: object) -> None:
    leave(tmp_path, facts)
    assert find_running(tmp_path) is None


def test_no_file_means_nobody(tmp_path: Path) -> None:
    assert find_running(tmp_path / "nowhere") is None
