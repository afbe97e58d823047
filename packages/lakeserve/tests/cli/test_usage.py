"""What ``--since`` takes."""

from datetime import date, datetime, timedelta, timezone

import click
import pytest
from click.testing import CliRunner
from lakeserve.cli.main import cli
from lakeserve.cli.usage import first_day


def test_days() -> None:
    today = datetime.now(timezone.utc).date()
    assert first_day("2026-11-01") == date(2026, 11, 1)
    assert first_day("1d") == first_day("0d") == today
    assert first_day("7d") == today - timedelta(days=6)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "7", "d", "-1d"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(click.UsageError, match="neither a day"):
        first_day(text)


@pytest.mark.parametrize("arguments", [["--by", "model"], ["--since", "yesterday"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["usage", *arguments]).exit_code == 2
