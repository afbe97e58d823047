"""Self-signed certificates for a TLS listener that nobody gave a certificate to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

LIFETIME = timedelta(days=397)
RENEWED_BEFORE_END = timedelta(days=30)
SUBJECT = "lakeserve"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What decides whether a certificate is still good.

    Attributes:
        names: Host names and addresses that it stands for.
        fingerprint: SHA-256 in hex, by which people compare it.
    """

    names: frozenset[str]
    ends_at: datetime
    fingerprint: str

    def serves(self, names: Iterable[str], now: datetime) -> bool:
        """Whether it stands for all these names, and for a while to come."""
        return set(names) <= self.names and now < self.ends_at - RENEWED_BEFORE_END


def self_signed(names: Iterable[str], now: datetime) -> tuple[str, str]:
    """A fresh certificate for host names and addresses, and its private key, both in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SUBJECT)])
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of other machines may be slow.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(each) for each in sorted(set(names))]),
            critical=False,
        )
        # It is its own authority, and of nothing else.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(subject_key, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), private.decode()


def read_certificate(pem: str) -> CertificateFacts:
    """What a certificate says.

    Raises:
        ValueError: It is none.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(pem.encode())
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = frozenset[str]()
    else:
        addresses = (str(each) for each in found.get_values_for_type(x509.IPAddress))
        names = frozenset({*found.get_values_for_type(x509.DNSName), *addresses})
    return CertificateFacts(
        names=names,
        ends_at=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def present() -> datetime:
    """The time by which certificates are judged."""
    return datetime.now(timezone.utc)


def _general_name(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage() -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
