import argparse
import socket
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address
from lakeserve.workers.listening import add_listen_arguments, listen_arguments
from lakeserve.workers.unix_server import open_listener, remove_socket


def parsed(address: Address) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_listen_arguments(parser)
    return parser.parse_args(listen_arguments(address))


def test_a_unix_socket(data_dir: Path) -> None:
    path = data_dir / "l.sock"
    arguments = parsed(Address(uds=str(path)))
    with open_listener(arguments) as listener:
        assert listener.family == socket.AF_UNIX
    remove_socket(arguments)
    assert not path.exists()


def test_a_port() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = parsed(Address(host="127.0.0.1", port=port))
    with open_listener(arguments) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)
    remove_socket(arguments)


def test_one_of_them_is_needed() -> None:
    parser = argparse.ArgumentParser()
    add_listen_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([])
