"""The certificate of the https listener: the operator's, or one that is made here."""

import os
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from lakeserve.core.certificates import read_certificate, self_signed
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings

FOLDER = "tls"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where certificate and private key lie, both in PEM."""

    certificate: Path
    key: Path

    def fault(self) -> str | None:
        """Why a server cannot use them, or None."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # The empty password keeps OpenSSL from asking for one on the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except ssl.SSLError as error:
            return error.reason or "it is no certificate with its private key"
        except OSError as error:
            return error.strerror or "it cannot be read"
        return None


def certificate_files(settings: Settings) -> CertificateFiles:
    """Where certificate and key lie, or will lie."""
    if settings.tls_certificate is not None:
        certificate = settings.tls_certificate.expanduser().absolute()
        key = settings.tls_key or certificate
        return CertificateFiles(certificate, key.expanduser().absolute())
    folder = settings.data_dir / FOLDER
    return CertificateFiles(folder / "certificate.pem", folder / "key.pem")


def ready_certificate(settings: Settings, now: datetime) -> CertificateFiles:
    """Certificate and key that can be served; a certificate of our own is made when it has to be.

    It has to be when there is none, when it ends soon, or when it lacks a name of this machine.

    Raises:
        ConfigurationError: The operator's cannot be used, or none can be written.
    """
    files = certificate_files(settings)
    if settings.tls_certificate is None:
        names = certificate_names(settings)
        if not _serves(files, names, now):
            _write(files, *self_signed(names, now))
    elif (fault := files.fault()) is not None:
        raise ConfigurationError(
            f"tls_certificate {str(files.certificate)!r} and tls_key {str(files.key)!r} cannot be"
            f" used: {fault}"
        )
    return files


def certificate_names(settings: Settings) -> tuple[str, ...]:
    """The names and addresses that a certificate of this machine stands for."""
    names = [*LOOPBACK, *settings.tls_names]
    if settings.host and not _is_any(settings.host):
        names.append(settings.host)
    machine = socket.gethostname()
    if machine.isascii() and len(machine) <= 64:
        names.append(machine)
    return tuple(dict.fromkeys(names))


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _serves(files: CertificateFiles, names: tuple[str, ...], now: datetime) -> bool:
    try:
        facts = read_certificate(files.certificate.read_text("ascii"))
    except (OSError, ValueError):
        return False
    return facts.serves(names, now) and files.fault() is None


def _write(files: CertificateFiles, certificate: str, key: str) -> None:
    try:
        files.certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, text, mode in ((files.key, key, 0o600), (files.certificate, certificate, 0o644)):
            fresh = path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
                file.write(text)
            fresh.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"the certificate for https cannot be written to {files.certificate.parent}:"
            f" {error.strerror}. Make the directory writable, or give a certificate of your own"
            " (tls_certificate, tls_key)"
        ) from None
