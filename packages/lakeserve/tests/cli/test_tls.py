import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lakeserve.cli.main import cli
from lakeserve.control.certificate import ready_certificate
from lakeserve.core.certificates import present, read_certificate
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import Settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "CONFIG", "TLS_CERTIFICATE"):
        monkeypatch.delenv(f"LAKESERVE_{name}", raising=False)


def ca(data_dir: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["tls", "ca", "--data-dir", str(data_dir), *options])


def test_how_to_trust_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "with a space"
    files = ready_certificate(Settings(data_dir=data_dir), present())
    text = files.certificate.read_text()
    assert ca(data_dir, "--pem").output == text
    first, *exports = ca(data_dir).output.splitlines()
    assert first.startswith("# ")
    assert read_certificate(text).fingerprint in first
    assert f"export REQUESTS_CA_BUNDLE='{files.certificate}'" in exports
    assert f"export SSL_CERT_FILE='{files.certificate}'" in exports
    told = json.loads(ca(data_dir, "--json").output)
    assert told["certificate"] == str(files.certificate)
    assert told["sha256"] == read_certificate(text).fingerprint
    assert "localhost" in told["names"]


def test_before_there_is_one(tmp_path: Path) -> None:
    result = ca(tmp_path)
    assert isinstance(result.exception, ConfigurationError)
    assert "lakeserve up --tls" in str(result.exception)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "certificate.pem").write_text("nonsense")
    assert "holds no certificate" in str(ca(tmp_path).exception)
