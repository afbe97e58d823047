import stat
from pathlib import Path

from lakeserve.app.sockets import LONGEST_PATH, Sockets


def test_they_lie_in_the_data_directory_where_only_their_user_gets(tmp_path: Path) -> None:
    short = tmp_path if len(str(tmp_path)) < 70 else Path("/tmp")
    with Sockets.of(short) as sockets:
        assert sockets == Sockets.within(short / "sockets")
        assert stat.S_IMODE(sockets.http.parent.stat().st_mode) == 0o700


def test_a_directory_with_a_long_name_has_them_elsewhere(tmp_path: Path) -> None:
    with Sockets.of(tmp_path / ("x" * LONGEST_PATH)) as sockets:
        directory = sockets.link.parent
        assert directory.is_dir()
        assert len(str(sockets.http)) <= LONGEST_PATH
    assert not directory.exists()
