"""Runs a server program for as long as the platform lives: ``keeper COMMAND [ARGUMENT ...]``.

A worker holds the read end of a pipe as its standard input; the platform holds the other end. When
that closes, however the platform ended, the program and everything it started are killed: not every
server looks after that itself. SIGTERM is passed on; the exit status is the program's.

A keeper that is killed itself, as may happen to what a dying actor of Ray has started, takes the
program along on Linux.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

from lakeserve.workers.protocols import REASON_PREFIX

NOT_STARTED = 127
_PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> int:
    """Run the command to its end and return its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the platform, which decides
    try:
        program = subprocess.Popen(  # noqa: S603  the operator's own command
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_keeper if sys.platform == "linux" else None,
        )
    except OSError as error:
        reason = f"cannot run {command[0]!r}: {error.strerror}"
        print(f"{REASON_PREFIX}{reason}", file=sys.stderr, flush=True)  # noqa: T201
        return NOT_STARTED

    def terminate(_number: int, _frame: FrameType | None) -> None:
        program.terminate()

    signal.signal(signal.SIGTERM, terminate)
    threading.Thread(target=_end_with_parent, args=(program,), daemon=True).start()
    status = program.wait()
    _kill_group(program)
    return status if status >= 0 else 128 - status


def _die_with_keeper() -> None:
    """Have the kernel kill the new process when its keeper ends (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent(program: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    _kill_group(program)


def _kill_group(program: "subprocess.Popen[bytes]") -> None:
    """Kill the program and what it started; its session has its process id."""
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
