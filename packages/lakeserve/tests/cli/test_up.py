from pathlib import Path

import pytest
from lakeserve.cli.up import banner
from lakeserve.settings import load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "TOKEN", "HOST", "PORT", "CONFIG"):
        monkeypatch.delenv(f"LAKESERVE_{name}", raising=False)


def test_banner_has_at_most_twelve_lines_and_both_exports() -> None:
    lines = banner("http://127.0.0.1:8400", load_settings()).splitlines()
    assert len(lines) <= 12
    assert "  export DATABRICKS_HOST=http://127.0.0.1:8400" in lines
    assert "  export DATABRICKS_TOKEN=dapi-lakeserve-development" in lines


def test_banner_calls_only_the_development_token_public() -> None:
    assert "public" in banner("http://127.0.0.1:1", load_settings())
    assert "public" not in banner("http://127.0.0.1:1", load_settings(token="dapi-of-my-own"))


def test_banner_shows_a_token_once_and_https() -> None:
    settings = load_settings(generate_token=True)
    first = banner("http://127.0.0.1:1", settings, tls_url="https://127.0.0.1:2", new_token="dapi1")
    assert "token  dapi1  (shown this once: keep it)" in first
    assert "export DATABRICKS_TOKEN=dapi1" in first
    assert "https  https://127.0.0.1:2  (to trust it: lakeserve tls ca)" in first
    assert len(first.splitlines()) <= 12
    later = banner("http://127.0.0.1:1", settings)
    assert "token  yours" in later
    assert "https" not in later


def test_banner_shortens_the_home_directory() -> None:
    inside = load_settings(data_dir=Path.home() / "somewhere")
    assert "data   ~/somewhere" in banner("http://127.0.0.1:1", inside)
    outside = load_settings(data_dir=Path("/srv/lakeserve"))
    assert "data   /srv/lakeserve" in banner("http://127.0.0.1:1", outside)
