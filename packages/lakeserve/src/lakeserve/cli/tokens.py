"""``lakeserve tokens``: one's own personal access tokens."""

from datetime import datetime, timezone
from typing import Any

import click

from lakeserve.cli.connection import (
    confirm,
    connected,
    connection_options,
    show,
    told,
    yes_option,
)

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
@click.option(
    "--on-behalf-of",
    metavar="APPLICATION_ID",
    help="Make it for a service principal; takes an administrator.",
)
def create(
    comment: str,
    lifetime_seconds: int | None,
    on_behalf_of: str | None,
    as_json: bool,
    **target: Any,
) -> None:
    """Make a token and print it; it is not shown again."""
    with connected(**target) as client:
        made: Any
        if on_behalf_of is None:
            made = client.tokens.create(comment=comment, lifetime_seconds=lifetime_seconds)
        else:
            made = client.token_management.create_obo_token(
                on_behalf_of, comment=comment, lifetime_seconds=lifetime_seconds
            )
    told(made.token_value or "", made.as_dict(), as_json=as_json)


@command.command("list")
@connection_options
@click.option("--all", "everyones", is_flag=True, help="Of everyone; takes an administrator.")
def list_tokens(everyones: bool, as_json: bool, **target: Any) -> None:
    """List your tokens, without their values."""
    with connected(**target) as client:
        found: Any = client.token_management.list() if everyones else client.tokens.list()
        rows = [token.as_dict() for token in found]
    if not as_json:
        rows = [
            {
                **row,
                "created": moment(row.get("creation_time")),
                "expires": moment(row.get("expiry_time")),
            }
            for row in rows
        ]
    owner = ["created_by_username"] if everyones else []
    show(rows, ["token_id", *owner, "created", "expires", "comment"], as_json=as_json)


@command.command("delete")
@connection_options
@yes_option
@click.option("--of-anyone", is_flag=True, help="Somebody else's; takes an administrator.")
@click.argument("token_id")
def delete(token_id: str, of_anyone: bool, yes: bool, as_json: bool, **target: Any) -> None:
    """Revoke the token TOKEN_ID at once."""
    confirm(f"revoke token {token_id}", yes=yes)
    with connected(**target) as client:
        if of_anyone:
            client.token_management.delete(token_id)
        else:
            client.tokens.delete(token_id)
    told(f"revoked token {token_id}", {"token_id": token_id}, as_json=as_json)


def moment(epoch_ms: int | None) -> str:
    """A time as people read it, in UTC; ``never`` for none."""
    if epoch_ms is None or epoch_ms == NEVER:
        return "never"
    return datetime.fromtimestamp(epoch_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
