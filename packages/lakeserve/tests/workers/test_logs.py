import asyncio
import os
from pathlib import Path

from lakeserve.workers.logs import cut, keep_short, open_log, tail


def test_each_start_has_a_fresh_log(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "a.log"
    for text in (b"first", b"second"):
        descriptor = open_log(path)
        os.write(descriptor, text)
        os.close(descriptor)
    assert path.read_bytes() == b"second"
    assert path.with_name("a.log.1").read_bytes() == b"first"


def test_a_long_log_keeps_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    descriptor = open_log(path)
    os.write(descriptor, b"x" * 100)
    cut(path, 1000)
    assert path.stat().st_size == 100
    cut(path, 99)
    os.write(descriptor, b"more")
    os.close(descriptor)
    assert path.read_bytes() == b"more"
    assert path.with_name("a.log.1").read_bytes() == b"x" * 100


def test_the_end_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert tail(tmp_path / "a", 3) == b"789"
    assert tail(tmp_path / "a", 30) == b"0123456789"
    assert tail(tmp_path / "none", 3) == b""
    cut(tmp_path / "none", 3)


async def test_a_log_is_cut_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"x" * 1000)
    keeping = asyncio.ensure_future(keep_short(path, limit=10, check_s=0.01))
    for _ in range(500):
        if path.stat().st_size == 0:
            break
        await asyncio.sleep(0.01)
    keeping.cancel()
    assert path.stat().st_size == 0
