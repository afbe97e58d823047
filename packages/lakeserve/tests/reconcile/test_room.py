import os

import psutil
from lakeserve.reconcile.room import memory_room, no_limit, processors


def test_this_process_has_a_processor() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)


def test_a_cluster_finds_room_itself() -> None:
    assert no_limit((os.getpid(),), 1000) == 1000


def test_memory_holds_some_more_and_not_any_number() -> None:
    fitting = memory_room((os.getpid(),), 10**9)
    # This process has more than a mebibyte of its own.
    assert 0 <= fitting <= psutil.virtual_memory().total // 2**20
    assert memory_room((os.getpid(),), 1) in {0, 1}


def test_what_has_not_run_yet_may_be_tried() -> None:
    gone = 2**22 + 1  # no system numbers a process so
    assert memory_room((), 2) == memory_room((gone,), 2) == 2
