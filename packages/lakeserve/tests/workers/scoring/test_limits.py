import subprocess
import sys

import pytest

PROGRAM = """
from lakeserve.workers.scoring.limits import restrict
restrict({limit})
try:
    block = bytearray(300 * 1024 * 1024)
except MemoryError:
    print("refused")
else:
    print("given")
print(open("/proc/self/oom_score_adj").read().strip())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize(
    ("limit", "outcome"), [("200 * 1024 * 1024", "refused"), ("None", "given")]
)
def test_memory(limit: str, outcome: str) -> None:
    program = PROGRAM.format(limit=limit)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [outcome, "600"]
