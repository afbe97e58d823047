import click
import pytest
from lakeserve.cli.options import settings_from


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("LAKESERVE_PORT", "9001")
    monkeypatch.delenv("LAKESERVE_CLUSTERS", raising=False)


def test_flags_win_over_the_environment() -> None:
    assert settings_from(None, (), (), port=None).port == 9001
    assert settings_from(None, (), (), port=9002).port == 9002


def test_pairs_become_tables() -> None:
    settings = settings_from(None, ("databricks-dbrx-instruct=demo",), ("0000-000000-a=box",))
    assert settings.foundation == {"databricks-dbrx-instruct": "demo"}
    assert settings.clusters == {"0000-000000-a": "box"}


def test_an_address_with_an_equals_sign_stays_whole() -> None:
    settings = settings_from(None, ("databricks-x=http://h/v1?a=b",), ())
    assert settings.foundation == {"databricks-x": "http://h/v1?a=b"}


@pytest.mark.parametrize("value", ["name", "=value", "name="])
def test_half_a_pair_is_refused(value: str) -> None:
    with pytest.raises(click.UsageError, match="NAME=VALUE"):
        settings_from(None, (), (value,))
