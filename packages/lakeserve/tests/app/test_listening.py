import socket
from pathlib import Path

import pytest
from lakeserve.app.listening import listen, listen_beside, listen_together, url_of
from lakeserve.core.errors import ConfigurationError


def test_processes_share_a_port_and_nobody_else_does() -> None:
    with listen_together("127.0.0.1", 0, 3) as listeners:
        ports = {each.getsockname()[1] for each in listeners}
        assert len(listeners) == 3
        assert len(ports) == 1
        (port,) = ports
        for taken in (listen("127.0.0.1", port), listen_together("127.0.0.1", port, 2)):
            with pytest.raises(ConfigurationError, match=f"lakeserve up --port {port + 1}"), taken:
                pass
        with socket.create_connection(("127.0.0.1", port)):
            pass
    with listen("127.0.0.1", port) as alone:
        assert alone.getsockname()[1] == port


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    with listen_beside(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    assert not path.exists()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::1", "http://[::1]:1"),
        ("::", "http://[::1]:1"),
    ],
)
def test_the_address_for_clients(host: str, url: str) -> None:
    assert url_of(host, 1) == url
