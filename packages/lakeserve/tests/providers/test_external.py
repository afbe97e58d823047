"""What vendors have in common."""

from lakeserve.providers.base import Asked
from lakeserve.providers.external import ExternalProvider
from providers.transcripts import a_target

TARGET = a_target("acme")


class Acme(ExternalProvider):
    name = "acme"


def test_unless_a_vendor_says_otherwise() -> None:
    acme, asked = Acme(), Asked(TARGET, "chat", {})
    assert not acme.restartable
    assert not acme.speaks(TARGET, "responses")
    assert acme.events(asked) is None
    assert acme.framing(asked) is None
    error = acme.error(429, b'{"message": "slow"}', {"retry-after": "3"})
    assert (error.status, error.retry_after) == (429, 3)
    assert error.message == (
        '{"external_model_provider":"acme","external_model_error":{"message":"slow"}}'
    )
