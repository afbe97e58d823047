from collections.abc import Iterator
from pathlib import Path

import pytest
from lakeserve.core.errors import ConfigurationError, PermissionDenied, Unavailable
from lakeserve.reconcile.credentials.entra import entra_tokens
from lakeserve.reconcile.credentials.tokens import BearerTokens
from token_services import CLIENT_ID, CLIENT_SECRET, TENANT, TokenService, token_service


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenService]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with token_service(tmp_path) as running:
        yield running


def tokens_of(service: TokenService, secret: str = CLIENT_SECRET) -> BearerTokens:
    return entra_tokens(CLIENT_ID, secret, TENANT, service.url)


async def test_tokens_of_an_application(service: TokenService) -> None:
    tokens = tokens_of(service)
    ((name, value),) = await tokens.headers("http://h", b"")
    assert name == "authorization"
    assert service.accepts(value)
    assert await tokens.headers("http://h", b"") == ((name, value),)
    assert service.requests == 1


async def test_every_renewal_asks_the_service(service: TokenService) -> None:
    service.life_s = 0  # spent at once
    tokens = tokens_of(service)
    first = await tokens.headers("http://h", b"")
    assert await tokens.headers("http://h", b"") != first
    assert service.requests == 2


async def test_a_wrong_secret(service: TokenService) -> None:
    with pytest.raises(PermissionDenied, match="invalid_client: AADSTS7000215") as caught:
        await tokens_of(service, "wrong-secret").headers("http://h", b"")
    assert "wrong-secret" not in str(caught.value)


async def test_a_service_that_cannot_serve(service: TokenService) -> None:
    service.refuse = (503, {"error": "temporarily_unavailable"})
    with pytest.raises(Unavailable, match="cannot serve now"):
        await tokens_of(service).headers("http://h", b"")


async def test_an_unknown_tenant(service: TokenService) -> None:
    tokens = entra_tokens(CLIENT_ID, CLIENT_SECRET, "nobody", service.url)
    with pytest.raises(Unavailable, match="does not know the authority"):
        await tokens.headers("http://h", b"")


async def test_no_service(tmp_path: Path) -> None:
    with token_service(tmp_path) as service:
        pass
    with pytest.raises(Unavailable, match="does not answer"):
        await tokens_of(service).headers("http://h", b"")


def test_an_authority_without_tls() -> None:
    with pytest.raises(ConfigurationError, match="'http://h'; accepted: an https://"):
        entra_tokens(CLIENT_ID, CLIENT_SECRET, TENANT, "http://h")
