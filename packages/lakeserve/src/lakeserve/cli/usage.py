"""``lakeserve usage``: what calls used and cost."""

import re
from datetime import date, datetime, timedelta, timezone
from typing import Any, get_args

import click

from lakeserve.cli.connection import connected, connection_options, show
from lakeserve.core.usage import UsageKey

API = "/api/2.0/lakeserve/usage"

_COUNTS = ["calls", "failed_calls", "cached_calls", "input_tokens", "output_tokens", "cost"]


@click.command(name="usage")
@connection_options
@click.option(
    "--by",
    type=click.Choice(get_args(UsageKey)),
    default="endpoint",
    show_default=True,
    help="What to add up by.",
)
@click.option(
    "--since", help="The first day that counts, as 2026-11-26, or 7d for the last seven days."
)
def command(by: str, since: str | None, as_json: bool, **target: Any) -> None:
    """Show what calls used and what they cost by the platform's price table.

    Administrators see everybody's calls, others their own. Days are those of UTC.

    Example: lakeserve usage --by user --since 30d
    """
    query = {"by": by} | ({} if since is None else {"since": first_day(since).isoformat()})
    with connected(**target) as client:
        reply: Any = client.api_client.do("GET", API, query=query)
    rows = reply["usage"]
    if not as_json:
        cost = f"cost ({reply['currency']})"
        rows = [{**row, cost: f"{row['cost']:.6g}"} for row in rows]
        show(rows, [by, *_COUNTS[:-1], cost], as_json=False)
        return
    show([{**row, "currency": reply["currency"]} for row in rows], _COUNTS, as_json=True)


def first_day(text: str) -> date:
    """The day that an option names: a date, or how many days there are up to today.

    Raises:
        click.UsageError: It is neither.
    """
    days = re.fullmatch(r"(\d{1,4})d", text)
    if days is not None:
        return datetime.now(timezone.utc).date() - timedelta(days=max(0, int(days[1]) - 1))
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"--since {text!r} is neither a day as 2026-11-26 nor a number of days as 7d"
        ) from None
