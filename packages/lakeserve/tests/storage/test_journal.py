"""Journals on a real disk: one that fills up, writers that are killed, and what is left."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.usage import CallRecord
from lakeserve.storage.frames import decode, torn_bytes
from lakeserve.storage.journal import Backlog, JournalFolder, JournalWriter

CALL = CallRecord("r", None, "e", "chat", "s", "chat-1", "a@b.c", "chat", 200, False, 7, 1.5)


def call(number: int) -> CallRecord:
    return CALL._replace(request_id=f"r{number}")


@pytest.fixture
def folder(tmp_path: Path) -> JournalFolder:
    folder = JournalFolder(tmp_path / "journal")
    folder.prepare()
    return folder


@pytest.fixture
def writer(tmp_path: Path, folder: JournalFolder) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path / "journal")
    yield writer
    writer.seal()


def ids(folder: JournalFolder) -> list[str]:
    return [
        entry.call.request_id for path in folder.complete() for entry in decode(path.read_bytes())
    ]


def test_calls_are_on_disk_at_once_and_complete_when_sealed(
    folder: JournalFolder, writer: JournalWriter, tmp_path: Path
) -> None:
    assert folder.backlog() == Backlog(0, 0, None)
    writer.append(call(1), 0.25)
    (path,) = (tmp_path / "journal").iterdir()
    assert path.name == writer.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(decode(path.read_bytes())) == [(call(1), 0.25, ())]
    assert ids(folder) == []
    assert folder.backlog().journals == 1
    writer.seal()
    assert ids(folder) == ["r1"]
    writer.seal()
    assert folder.backlog().journals == 1


def test_a_long_journal_makes_room_for_the_next(tmp_path: Path, folder: JournalFolder) -> None:
    writer = JournalWriter(tmp_path / "journal", rotate_bytes=500)
    for number in range(9):
        writer.append(call(number), 0.0)
    assert 2 < folder.backlog().journals < 9
    writer.seal()
    assert ids(folder) == [f"r{number}" for number in range(9)]


def test_the_journal_of_a_killed_writer_is_complete(tmp_path: Path, folder: JournalFolder) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from lakeserve.core.usage import CallRecord\n"
        "from lakeserve.storage.journal import JournalWriter\n"
        "writer = JournalWriter(Path(sys.argv[1]))\n"
        "call = CallRecord('r1', None, 'e', 'c', '', '', 'a', 'chat', 200, False, 7, 1.0)\n"
        "writer.append(call, 0.0)\n"
        "print('written', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "journal")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        assert ids(folder) == []
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert ids(folder) == ["r1"]
    (path,) = folder.complete()
    with path.open("ab") as file:
        file.write(path.read_bytes()[:-1])
    assert ids(folder) == ["r1"]
    assert torn_bytes(path.read_bytes()) > 0


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """A file may not grow beyond a size: the same short write as on a full disk, then EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_loses_no_call(
    folder: JournalFolder, writer: JournalWriter, caplog: pytest.LogCaptureFixture
) -> None:
    writer.append(call(0), 0.0)
    size = folder.backlog().size
    with files_no_longer_than(size + size // 2):
        for number in range(1, 5):
            writer.append(call(number), 0.0)
        assert (writer.failures, writer.waiting, writer.lost) == (4, 4, 0)
        assert not writer.is_full
        assert folder.backlog().size == size
    assert "Make room on the disk" in caplog.text
    writer.append(call(5), 0.0)
    writer.seal()
    assert writer.waiting == 0
    assert ids(folder) == [f"r{number}" for number in range(6)]


def test_what_memory_cannot_hold_is_counted(
    folder: JournalFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = JournalWriter(tmp_path / "journal", max_waiting=2)
    with files_no_longer_than(1):
        for number in range(3):
            writer.append(call(number), 0.0)
        assert (writer.waiting, writer.lost, writer.is_full) == (2, 1, True)
        writer.seal()
        assert writer.waiting == 2
    assert "a call is lost" in caplog.text
    writer.seal()
    assert not writer.is_full
    assert ids(folder) == ["r0", "r1"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"journal.* cannot be used: "):
        JournalFolder(tmp_path / "file" / "journal").prepare()


def test_a_journal_that_vanishes_is_no_fault(folder: JournalFolder, tmp_path: Path) -> None:
    os.symlink("nowhere", tmp_path / "journal" / "1-1-1.journal")
    assert list(folder.complete()) == []
    assert folder.backlog().journals == 0
