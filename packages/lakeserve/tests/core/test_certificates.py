import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from lakeserve.core.certificates import LIFETIME, present, read_certificate, self_signed

NAMES = ["localhost", "127.0.0.1", "::1", "box.example"]


def test_a_certificate_says_what_it_was_made_for(tmp_path: Path) -> None:
    now = present().replace(microsecond=0)
    certificate, key = self_signed(NAMES, now)
    facts = read_certificate(certificate)
    assert facts.names == set(NAMES)
    assert facts.ends_at == now + LIFETIME
    assert len(facts.fingerprint) == 64
    (tmp_path / "both.pem").write_text(certificate + key)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "both.pem")


def test_when_it_is_made_anew() -> None:
    now = present()
    facts = read_certificate(self_signed(NAMES, now)[0])
    assert facts.serves(NAMES[:2], now)
    assert not facts.serves([*NAMES, "other"], now)
    assert not facts.serves(NAMES, now + LIFETIME - timedelta(days=29))
    assert facts.serves(NAMES, now + LIFETIME - timedelta(days=31))


def test_what_is_no_certificate() -> None:
    with pytest.raises(ValueError, match="PEM"):
        read_certificate("nonsense")
