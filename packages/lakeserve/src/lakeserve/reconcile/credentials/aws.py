"""Signatures of Amazon Web Services, version 4, by botocore."""

from collections.abc import Callable

from lakeserve.core.errors import ConfigurationError
from lakeserve.reconcile.credentials.tokens import REDACTED

SERVICE = "bedrock"

Sign = Callable[[str, bytes], tuple[tuple[str, str], ...]]


class AwsSignatures:
    """Signs each request; a ``RequestSigner``.

    Args:
        key_id: Of the access key.
        secret: Of the access key.
        region: Which the signature is good for.

    Raises:
        ConfigurationError: botocore is not installed.
    """

    def __init__(self, key_id: str, secret: str, region: str) -> None:
        self._concealed = (secret, key_id)
        self._sign = _signer(key_id, secret, region)

    async def headers(self, url: str, body: bytes) -> tuple[tuple[str, str], ...]:
        """See ``RequestSigner.headers``."""
        return self._sign(url, body)

    def conceal(self, text: str) -> str:
        """See ``RequestSigner.conceal``."""
        for secret in self._concealed:
            text = text.replace(secret, REDACTED)
        return text


def _signer(key_id: str, secret: str, region: str) -> Sign:
    try:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
    except ImportError:
        raise ConfigurationError(
            "provider 'amazon-bedrock' needs botocore: pip install 'lakeserve[bedrock]'"
        ) from None
    signature = SigV4Auth(Credentials(key_id, secret), SERVICE, region)

    def sign(url: str, body: bytes) -> tuple[tuple[str, str], ...]:
        request = AWSRequest("POST", url, {"content-type": "application/json"}, body)
        signature.add_auth(request)
        # The connection writes the content type itself.
        return tuple(
            (name.lower(), value)
            for name, value in request.headers.items()
            if name.lower() != "content-type"
        )

    return sign
