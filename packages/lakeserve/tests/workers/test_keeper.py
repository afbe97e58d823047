"""Programs under a keeper: they end with it, with their parent, and with what they started."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

# A program that starts another one and then waits.
FAMILY = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(child.pid, flush=True); time.sleep(60)"
)


def keep(*command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "lakeserve.workers.keeper", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*command: str) -> tuple[int, str]:
    """The exit status of a program that ends by itself, and what it wrote to standard error."""
    with keep(*command) as keeper:
        status = keeper.wait(60)
        assert keeper.stderr is not None
        return status, keeper.stderr.read()


def ended(pid: int) -> bool:
    for _ in range(500):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(("code", "status"), [("3", 3), ("0", 0)])
def test_the_programs_status_is_the_keepers(code: str, status: int) -> None:
    assert run(sys.executable, "-c", f"import sys; sys.exit({code})")[0] == status


def test_a_signal_is_told_as_shells_do() -> None:
    assert run(sys.executable, "-c", "import os; os.kill(os.getpid(), 15)")[0] == 143


def test_a_program_that_is_not_there() -> None:
    status, errors = run("/none/at/all")
    assert status == 127
    assert "lakeserve worker: cannot run '/none/at/all'" in errors


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills what loses its parent")
def test_a_keeper_that_is_killed_takes_the_program_along() -> None:
    keeper = keep(
        sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    )
    assert keeper.stdout is not None
    program = int(keeper.stdout.readline())
    keeper.kill()
    keeper.wait(60)
    assert ended(program)
    for stream in (keeper.stdin, keeper.stdout, keeper.stderr):
        if stream is not None:
            stream.close()


@pytest.mark.parametrize("how", ["parent", "signal"])
def test_nothing_stays_behind(how: str) -> None:
    keeper = keep(sys.executable, "-c", FAMILY)
    assert keeper.stdout is not None
    assert keeper.stdin is not None
    grandchild = int(keeper.stdout.readline())
    if how == "parent":
        keeper.stdin.close()
    else:
        keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(60) != 0
    assert ended(grandchild)
    for stream in (keeper.stdin, keeper.stdout, keeper.stderr):
        if stream is not None:
            stream.close()
