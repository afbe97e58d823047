"""The first lines of a request."""

import pytest
from lakeserve.core.endpoints import Address
from lakeserve.gateway.upstream.head import header_lines, host, json_head, request_line


def test_a_head() -> None:
    address = Address(host="models.test", port=8080, base_path="/v1")
    assert json_head(address, "/x", (("authorization", "Bearer y"),)) == (
        b"POST /v1/x HTTP/1.1\r\nhost: models.test:8080\r\ncontent-type: application/json\r\n"
        b"accept-encoding: identity\r\nauthorization: Bearer y\r\n"
    )


def test_a_worker_that_demands_a_token_is_shown_it() -> None:
    address = Address(host="node", port=8080, bearer="right")
    assert b"\r\nauthorization: Bearer right\r\n" in json_head(address, "/x", ())
    assert "right" not in repr(address)


@pytest.mark.parametrize(
    ("address", "value"),
    [
        (Address(uds="/x"), "localhost"),
        (Address(host="a.test", port=80), "a.test"),
        (Address(host="a.test", port=443), "a.test:443"),
        (Address(host="a.test", port=443, tls=True), "a.test"),
        (Address(host="::1", port=8000), "[::1]:8000"),
    ],
)
def test_host(address: Address, value: str) -> None:
    assert host(address) == value


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "日"])
def test_headers_cannot_smuggle(value: str) -> None:
    with pytest.raises(ValueError, match=r"header|codec"):
        header_lines([("authorization", value)])


@pytest.mark.parametrize("target", ["/a b", "/a\r\nx: y", "/ä", "/a\tb"])
def test_targets_cannot_smuggle(target: str) -> None:
    with pytest.raises(ValueError, match="target"):
        request_line("POST", target)
