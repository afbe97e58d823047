"""Landlock by this machine's kernel: what a program that gave up its rights can still do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lakeserve.workers import landlock
from lakeserve.workers.landlock import WHOLE_ABI, abi

SYSTEM = ("r:/usr", "r:/bin", "r:/lib", "r:/lib64", "r:/proc", f"r:{sys.base_prefix}")

pytestmark = pytest.mark.skipif(abi() < WHOLE_ABI, reason="this kernel's Landlock is not whole")


def restricted(code: str, *grants: str) -> "subprocess.CompletedProcess[str]":
    """A program of Python that has only these rights, and those to run at all."""
    return subprocess.run(
        [
            *(sys.executable, "-I", "-S", landlock.__file__, *SYSTEM, *grants),
            *("--", os.path.realpath(sys.executable), "-I", "-S", "-c", code),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def outcome(code: str, *grants: str) -> str:
    """What became of one statement: nothing, or the class of its exception."""
    tried = f"try:\n    {code}\nexcept OSError as error:\n    print(type(error).__name__)"
    done = restricted(tried, *grants)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_files(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    for folder in (mine, theirs):
        (folder / "file").write_text("text")
    read, write = "open({!r}).read()", "open({!r}, 'w').close()"
    own, other = str(mine / "file"), str(theirs / "file")
    assert outcome(read.format(own), f"r:{mine}") == ""
    assert outcome(write.format(own), f"r:{mine}") == "PermissionError"
    assert outcome(f"import os; os.truncate({own!r}, 0)", f"r:{mine}") == "PermissionError"
    assert outcome(f"import os; os.unlink({own!r})", f"r:{mine}") == "PermissionError"
    assert outcome(write.format(own), f"w:{mine}") == ""
    assert outcome(f"import os; os.rename({own!r}, {own + '2'!r})", f"w:{mine}") == ""
    for statement in (
        read.format(other),
        write.format(other),
        f"import os; os.listdir({str(theirs)!r})",
    ):
        assert outcome(statement, f"w:{mine}") == "PermissionError"
    assert outcome(f"import os; os.link({other!r}, {str(mine / 'link')!r})", f"w:{mine}") != ""
    link = mine / "pointer"
    link.symlink_to(other)
    assert outcome(read.format(str(link)), f"w:{mine}") == "PermissionError"


def test_a_grant_of_one_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    grant = f"r:{tmp_path / 'a'}"
    assert outcome(f"open({str(tmp_path / 'a')!r}).read()", grant) == ""
    assert outcome(f"open({str(tmp_path / 'b')!r}).read()", grant) == "PermissionError"


def test_devices() -> None:
    assert outcome("open('/dev/null', 'w').write('x')", "d:/dev/null") == ""
    assert outcome("open('/dev/null', 'w').write('x')") == "PermissionError"


def test_other_processes() -> None:
    other = os.getpid()
    for name in ("environ", "mem", "maps"):
        assert outcome(f"open('/proc/{other}/{name}', 'rb').read(1)") == "PermissionError"
    assert outcome(f"import os; os.readlink('/proc/{other}/cwd')") == "PermissionError"
    assert outcome(f"import os; os.kill({other}, 0)") == "PermissionError"
    assert outcome("open('/proc/self/environ').read()") == ""
    child = (
        "import subprocess as s; c = s.Popen(['/bin/sleep', '60'], close_fds=False);"
        " c.kill(); assert c.wait() == -9"
    )
    assert outcome(child) == ""


def test_root_is_no_more_than_its_files() -> None:
    done = restricted("print(open('/proc/self/status').read())")
    lines = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    assert int(lines["CapEff"], 16) & ~(1 << 1) == 0
    assert int(lines["CapAmb"], 16) == 0
    assert lines["NoNewPrivs"].strip() == "1"


def test_what_is_started_is_restricted_as_well(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    code = f"import subprocess; subprocess.run(['/bin/cat', {str(tmp_path / 'secret')!r}])"
    done = restricted(code)
    assert done.stdout == ""
    assert "Permission denied" in done.stderr


def test_a_path_that_is_not_there_is_passed_over() -> None:
    assert outcome("pass", "r:/no/such/place", "w:/dev/null/below") == ""


def test_a_program_that_cannot_be_run() -> None:
    command = [sys.executable, "-I", "-S", landlock.__file__, "r:/usr", "--", "/no/such/program"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("lakeserve worker: cannot run '/no/such/program': ")
