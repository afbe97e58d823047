import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lakeserve.control.certificate import (
    certificate_files,
    certificate_names,
    ready_certificate,
)
from lakeserve.core.certificates import LIFETIME, present, read_certificate, self_signed
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings


def settings(tmp_path: Path, **more: Any) -> Settings:
    return Settings(data_dir=tmp_path / "data", **more)


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    now = present()
    files = ready_certificate(settings(tmp_path), now)
    assert files.fault() is None
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.certificate.parent.stat().st_mode) == 0o700
    first = files.certificate.read_text()
    assert {"localhost", "127.0.0.1", "::1"} <= read_certificate(first).names
    assert ready_certificate(settings(tmp_path), now) == files
    assert files.certificate.read_text() == first
    assert sorted(path.name for path in files.key.parent.iterdir()) == [
        "certificate.pem",
        "key.pem",
    ]


@pytest.mark.parametrize("what", ["age", "name", "key", "text"])
def test_when_it_is_made_anew(tmp_path: Path, what: str) -> None:
    now = present()
    files = ready_certificate(settings(tmp_path), now)
    first = files.certificate.read_text()
    more: dict[str, Any] = {}
    if what == "age":
        now += LIFETIME - timedelta(days=10)
    elif what == "name":
        more = {"tls_names": ["lake.example"]}
    elif what == "key":
        files.key.write_text(self_signed(["x"], now)[1])
    else:
        files.certificate.write_text("nonsense")
    again = ready_certificate(settings(tmp_path, **more), now)
    assert again.certificate.read_text() != first
    assert again.fault() is None
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600


def test_the_operators_own(tmp_path: Path) -> None:
    certificate, key = self_signed(["lake.example"], present())
    both, alone = tmp_path / "both.pem", tmp_path / "key.pem"
    both.write_text(certificate + key)
    alone.write_text(key)
    for more in ({}, {"tls_key": alone}):
        mine = settings(tmp_path, tls_certificate=both, **more)
        assert ready_certificate(mine, present()) == certificate_files(mine)
    assert not (tmp_path / "data").exists()
    alone.write_text(self_signed(["x"], present())[1])
    for key_file in (alone, tmp_path / "none.pem"):
        mine = settings(tmp_path, tls_certificate=both, tls_key=key_file)
        with pytest.raises(ConfigurationError, match=r"tls_certificate .* and tls_key"):
            ready_certificate(mine, present())
        assert both.read_text() == certificate + key


def test_names(tmp_path: Path) -> None:
    own = {"token": "dapi-of-my-own"}
    assert "0.0.0.0" not in certificate_names(settings(tmp_path, host="0.0.0.0", **own))
    assert "10.1.2.3" in certificate_names(settings(tmp_path, host="10.1.2.3", **own))
    names = certificate_names(settings(tmp_path, tls_names=["lake.example", "localhost"]))
    assert "lake.example" in names
    assert len(names) == len(set(names))


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tls").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        ready_certificate(settings(tmp_path), present())
