import socket
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address
from lakeserve.reconcile.addresses import answers, parse_address


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("http://h", Address(host="h", port=80)),
        ("https://h/v1", Address(host="h", port=443, tls=True, base_path="/v1")),
        ("http://127.0.0.1:11434/v1/", Address(host="127.0.0.1", port=11434, base_path="/v1")),
        ("http://[::1]:8/a/b", Address(host="::1", port=8, base_path="/a/b")),
    ],
)
def test_addresses(base_url: str, address: Address) -> None:
    assert parse_address(base_url) == address


async def test_who_answers(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    assert not await answers(Address(uds=path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert await answers(Address(uds=path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert await answers(Address(host="127.0.0.1", port=port))
    assert not await answers(Address(host="127.0.0.1", port=port))


async def test_a_socket_that_nobody_serves_any_more(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(path)
    assert not await answers(Address(uds=path))
