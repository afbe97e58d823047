import asyncio

import pytest
from lakeserve.core.errors import ConfigurationError, PermissionDenied, Unavailable
from lakeserve.reconcile.credentials.google import google_tokens
from token_services import TokenService, token_service


async def test_tokens_of_a_service_account() -> None:
    with token_service() as service:
        tokens = google_tokens(service.key_file())
        ((name, value),) = await tokens.headers("http://h", b"")
        assert name == "authorization"
        assert service.accepts(value)
        assert await tokens.headers("http://h", b"") == ((name, value),)
        assert service.requests == 1


async def test_a_token_that_has_expired_is_replaced() -> None:
    with token_service() as service:
        service.life_s = 1
        tokens = google_tokens(service.key_file())
        first = await tokens.headers("http://h", b"")
        await asyncio.sleep(1.1)
        assert not service.accepts(first[0][1])
        ((_, value),) = await tokens.headers("http://h", b"")
        assert service.accepts(value)


@pytest.mark.parametrize(
    ("refusal", "error", "message"),
    [
        (
            (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
            PermissionDenied,
            "refused the service account: invalid_grant: Invalid JWT Signature.",
        ),
        ((403, {"odd": 1}), PermissionDenied, "it gave no reason"),
    ],
)
async def test_refusals(
    refusal: tuple[int, dict[str, object]], error: type[Exception], message: str
) -> None:
    with token_service() as service:
        service.refuse = refusal
        with pytest.raises(error, match=message):
            await google_tokens(service.key_file()).headers("http://h", b"")


async def test_a_foreign_key_is_refused() -> None:
    with token_service() as service:
        foreign = TokenService(url=service.url).key_file()
        with pytest.raises(PermissionDenied, match="invalid_grant"):
            await google_tokens(foreign).headers("http://h", b"")


async def test_no_service() -> None:
    with token_service() as service:
        key_file = service.key_file()
    with pytest.raises(Unavailable, match="does not answer"):
        await google_tokens(key_file).headers("http://h", b"")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"client_email": "a", "token_uri": "b"}'])
def test_what_is_no_key_file(text: str) -> None:
    with pytest.raises(ConfigurationError, match="private_key"):
        google_tokens(text)


def test_a_key_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="in PEM form") as caught:
        google_tokens(TokenService().key_file(private_key="very-secret"))
    assert "very-secret" not in str(caught.value)
