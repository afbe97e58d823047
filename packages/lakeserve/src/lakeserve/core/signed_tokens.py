"""OAuth access tokens: JWTs that say whom they stand for, signed with ES256."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lakeserve.core.identity import Principal, token_digest

ALGORITHM = "ES256"
LIFETIME_S = 3600
CACHED_TOKENS = 4096
# The claim that names the secret which bought a token.
SECRET_CLAIM = "sid"  # noqa: S105


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair.

    Attributes:
        id: Travels in the header of each token.
        public_key: PEM.
    """

    id: str
    public_key: str


class SignedTokenReader:
    """Checks signature and lifetime; the principals are those known when it was made.

    Args:
        public_keys: PEM texts, by the id of the key.
        subjects: By the name that tokens carry as ``sub``.
        secrets: Ids of the secrets that buy tokens, with the ids of their owners. A token lives no
            longer than the secret that bought it.
    """

    def __init__(
        self,
        public_keys: Mapping[str, str],
        subjects: Mapping[str, Principal],
        secrets: Mapping[str, str],
    ) -> None:
        self._keys = public_keys
        self._subjects = subjects
        self._secrets = secrets
        # Checking a signature takes a hundred times as long as everything else of a call.
        self._seen: dict[str, Principal] = {}

    def principal(self, token: str) -> Principal | None:
        """Whom a token stands for, or None; see ``authentication.SignedTokens``."""
        digest = token_digest(token)
        known = self._seen.get(digest)
        if known is None:
            known = self._read(token)
            if known is not None:
                if len(self._seen) >= CACHED_TOKENS:
                    self._seen.clear()
                self._seen[digest] = known
        return known

    def _read(self, token: str) -> Principal | None:
        import jwt  # takes a tenth of a second, and most platforms see no such token

        try:
            public_key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims: dict[str, Any] = jwt.decode(
                token,
                public_key,
                algorithms=[ALGORITHM],
                options={"require": ["exp", "sub"], "verify_exp": False, "verify_aud": False},
            )
            subject = self._subjects.get(claims["sub"])
            owner_id = self._secrets.get(claims[SECRET_CLAIM])
            expires_at = int(claims["exp"]) * 1000
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            return None
        # The caller compares the end of its life with the clock, as for every other token.
        if subject is None or subject.id != owner_id:
            return None
        return replace(subject, expires_at=expires_at)


def new_signing_key(key_id: str) -> tuple[SigningKey, str]:
    """A fresh key pair and its private key in PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(key_id, public.decode()), secret.decode()


def issue_token(private_key: str, key_id: str, claims: Mapping[str, object]) -> str:
    """A signed token with these claims."""
    import jwt

    return jwt.encode(dict(claims), private_key, algorithm=ALGORITHM, headers={"kid": key_id})


def public_jwk(key: SigningKey) -> dict[str, object]:
    """The public half as clients read it at ``jwks_uri`` (RFC 7517)."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from jwt.algorithms import ECAlgorithm

    loaded = load_pem_public_key(key.public_key.encode())
    if not isinstance(loaded, ec.EllipticCurvePublicKey):
        raise TypeError("a signing key is not one of ES256")
    numbers: dict[str, object] = ECAlgorithm.to_jwk(loaded, as_dict=True)
    return {**numbers, "kid": key.id, "use": "sig", "alg": ALGORITHM}
