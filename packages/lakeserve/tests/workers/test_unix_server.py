import socket
from pathlib import Path

from lakeserve.workers.unix_server import listen, server_of


def test_a_socket_takes_the_place_of_what_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("left behind")
    with listen(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_stopping() -> None:
    server = server_of(lambda scope: None)
    server.stop()
    assert server.should_exit
