"""``lakeserve tokens``: one's own personal access tokens."""

from datetime import datetime, timezone
from typing import Any

import click

from lakeserve.cli.connection import connected, connection_options, show, told

NEVER = -1


@click.group(name="tokens")
def command() -> None:
    """Your personal access tokens.

    The commands speak to the platform or workspace that DATABRICKS_HOST and DATABRICKS_TOKEN or
    --profile name, or else to the platform that runs on the data directory.
    """


@command.command("create")
@connection_options
@click.option("--comment", default="", help="What the token is for.")
@click.option(
    "--lifetime-seconds", type=click.IntRange(min=1), help="Seconds until it expires; else never."
)
def create(comment: str, lifetime_seconds: int | None, as_json: bool, **target: Any) -> None:
    """Make a token and print it; it is not shown again."""
    with connected(**target) as client:
        made = client.tokens.create(comment=comment, lifetime_seconds=lifetime_seconds)
    told(made.token_value or "", made.as_dict(), as_json=as_json)


@command.command("list")
@connection_options
def list_tokens(as_json: bool, **target: Any) -> None:
    """List your tokens, without their values."""
    with connected(**target) as client:
        rows = [token.as_dict() for token in client.tokens.list()]
    if not as_json:
        rows = [
            {
                **row,
                "created": moment(row.get("creation_time")),
                "expires": moment(row.get("expiry_time")),
            }
            for row in rows
        ]
    show(rows, ["token_id", "created", "expires", "comment"], as_json=as_json)


@command.command("delete")
@connection_options
@click.argument("token_id")
def delete(token_id: str, as_json: bool, **target: Any) -> None:
    """Revoke the token TOKEN_ID at once."""
    with connected(**target) as client:
        client.tokens.delete(token_id)
    told(f"revoked token {token_id}", {"token_id": token_id}, as_json=as_json)


def moment(epoch_ms: int | None) -> str:
    """A time as people read it, in UTC; ``never`` for none."""
    if epoch_ms is None or epoch_ms == NEVER:
        return "never"
    return datetime.fromtimestamp(epoch_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
