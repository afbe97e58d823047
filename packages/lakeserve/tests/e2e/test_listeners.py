"""What else than plain requests to a path reaches the platform: https, and a proxy's requests."""

import json
import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from e2e.driver_app import driver_app
from harness import CLUSTER, PlatformProcess


@pytest.fixture
def trusting(platform: PlatformProcess, shared_data_dir: Path) -> ssl.SSLContext:
    """Trusts the platform's certificate and nothing else."""
    del platform  # whose start made it
    return ssl.create_default_context(cafile=str(shared_data_dir / "tls" / "certificate.pem"))


def test_both_planes_by_https(platform: PlatformProcess, trusting: ssl.SSLContext) -> None:
    headers = {"Authorization": f"Bearer {platform.token}", "Content-Type": "application/json"}
    port = urlsplit(platform.tls_url).port
    for host in ("127.0.0.1", "localhost"):
        url = f"https://{host}:{port}/.well-known/databricks-config"
        with urllib.request.urlopen(url, context=trusting) as reply:
            assert json.load(reply)["oidc_endpoint"] == f"https://{host}:{port}/oidc"
    body = json.dumps({"input": "hello"}).encode()
    ask = urllib.request.Request(
        f"{platform.tls_url}/serving-endpoints/databricks-bge-large-en/invocations", body, headers
    )
    with urllib.request.urlopen(ask, context=trusting) as reply:
        assert len(json.load(reply)["data"][0]["embedding"]) == 384


def test_strangers_do_not_trust_it(platform: PlatformProcess) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(f"{platform.tls_url}/health")


def exchange(platform: PlatformProcess, request: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of the answer to a request as it is."""
    address = urlsplit(platform.url)
    with socket.create_connection((address.hostname, address.port or 80), timeout=60) as line:
        head = (
            f"{request} HTTP/1.1\r\nHost: elsewhere.test\r\nConnection: close\r\n"
            f"Authorization: Bearer {platform.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        line.sendall(head.encode() + body)
        answer = b""
        while part := line.recv(65536):
            answer += part
    head_bytes, _, rest = answer.partition(b"\r\n\r\n")
    return int(head_bytes.split()[1]), rest


def test_requests_of_a_proxy(platform: PlatformProcess) -> None:
    status, body = exchange(platform, "GET http://elsewhere.test/api/2.0/clusters/list")
    assert status == 200
    assert CLUSTER.encode() in body
    status, body = exchange(
        platform,
        "POST http://elsewhere.test:80/serving-endpoints/databricks-bge-large-en/invocations",
        b'{"input": "hello"}',
    )
    assert status == 200
    with driver_app() as port:
        path = f"/driver-proxy-api/o/0/{CLUSTER}/{port}/"
        status, body = exchange(
            platform, f"POST http://elsewhere.test{path}", b'{"prompt": "hello"}'
        )
    assert (status, body) == (200, b'"You said: hello"')


@pytest.mark.parametrize(
    "request_line", ["CONNECT elsewhere.test:443", "OPTIONS *", "GET http://elsewhere.test"]
)
def test_requests_that_lead_nowhere(platform: PlatformProcess, request_line: str) -> None:
    status, _ = exchange(platform, request_line)
    assert 400 <= status < 500
    assert platform.request("GET", "/health").status == 200
