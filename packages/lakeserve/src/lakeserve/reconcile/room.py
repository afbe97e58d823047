"""What else this machine has room for."""

import contextlib
import os
from collections.abc import Callable, Sequence

import psutil

# Kept free for everything else on the machine.
SPARE = 0.1

# From the processes of the replicas that run, and how many more are wanted, to how many more fit.
Room = Callable[[Sequence[int], int], int]


def processors() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not everywhere
    return (os.cpu_count() or 1) if affinity is None else len(affinity(0))


def no_limit(_pids: Sequence[int], more: int) -> int:
    """Room where somebody else looks after it, as a cluster does."""
    return more


def memory_room(pids: Sequence[int], more: int) -> int:
    """How many more replicas the memory holds, each as large as the largest that runs.

    Pages of files, such as a model's that is mapped, are not counted: replicas share them.
    """
    largest = max((_own_memory(pid) for pid in pids), default=0)
    if not largest:
        return more
    memory = psutil.virtual_memory()
    return max(0, min(more, int(memory.available - memory.total * SPARE) // largest))


def _own_memory(pid: int) -> int:
    """Bytes of a process and its children that are no pages of files; 0 once it is gone."""
    found = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                memory = each.memory_info()
                found += memory.rss - getattr(memory, "shared", 0)  # Linux knows the difference
    return found
