"""What a worker of somebody else's code may take of the machine."""

import contextlib
import resource
import sys
from pathlib import Path

# Between 0 and 1000: which process the kernel ends first when the machine's memory is used up.
_END_ME_FIRST = "600"


def restrict(memory_bytes: int | None) -> None:
    """Limit this process's own memory, and let it be the one that ends when there is none left.

    Memory that is only reserved does not count, which libraries for GPUs do by the terabyte.
    """
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_END_ME_FIRST)
