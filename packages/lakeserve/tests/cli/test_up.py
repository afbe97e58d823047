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


def test_banner_shortens_the_home_directory() -> None:
    inside = load_settings(data_dir=Path.home() / "somewhere")
    assert "data   ~/somewhere" in banner("http://127.0.0.1:1", inside)
    outside = load_settings(data_dir=Path("/srv/lakeserve"))
    assert "data   /srv/lakeserve" in banner("http://127.0.0.1:1", outside)
